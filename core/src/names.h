#ifndef TIERCEL_SRC_NAMES_H_
#define TIERCEL_SRC_NAMES_H_

#include <cstdint>

#include "tiercel/abi.h"

namespace tiercel {

// Different scopes that an entry is to be linked to beside its namespaces, each held by whoever has the set.
struct Names {
  uint32_t count = 0;
  uint32_t own_tags = 0;
  // The first `count` of these are set.
  uint32_t scopes[TIERCEL_MAX_NAMES];
  // Whether it comes from an entry that this one depends on.
  bool inherited[TIERCEL_MAX_NAMES];

  // Its place, or `count`.
  uint32_t Find(uint32_t scope) const {
    uint32_t i = 0;
    while (i < count && scopes[i] != scope) i++;
    return i;
  }
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_NAMES_H_
