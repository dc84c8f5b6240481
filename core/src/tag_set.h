#ifndef TIERCEL_SRC_TAG_SET_H_
#define TIERCEL_SRC_TAG_SET_H_

#include <cstdint>

#include "tiercel/abi.h"

namespace tiercel {

// Different tags, each held by whoever has the set.
struct TagSet {
  uint32_t count = 0;
  uint32_t tags[TIERCEL_MAX_TAGS] = {};

  bool Has(uint32_t tag) const {
    for (uint32_t i = 0; i < count; i++) {
      if (tags[i] == tag) return true;
    }
    return false;
  }
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_TAG_SET_H_
