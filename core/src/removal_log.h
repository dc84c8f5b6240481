// What left the cache since the binding last looked, so that it can tell listeners and let go of values.
#ifndef TIERCEL_SRC_REMOVAL_LOG_H_
#define TIERCEL_SRC_REMOVAL_LOG_H_

#include <cstdint>

#include "key.h"
#include "memory.h"
#include "tiercel/abi.h"

namespace tiercel {

struct Removal {
  uint32_t slot = kNone;
  TiercelCause cause = TIERCEL_CAUSE_EXPLICIT;
  uint32_t format = 0;
  uint32_t value_bytes = 0;
  uint8_t* value = nullptr;  // Owned.
  double ns = 0;
  StoredText key;  // Owned.
};

class RemovalLog {
 public:
  ~RemovalLog() { Clear(); }

  // Takes what `removal` owns. False without memory: then it frees it.
  bool Add(Removal removal) {
    if (removals_.Push(removal)) return true;
    Release(&removal);
    return false;
  }

  // The slot was given out again within the call that freed it, so the binding will overwrite its value.
  void ForgetIfLast(uint32_t slot) {
    if (!removals_.empty() && removals_.back().slot == slot) removals_.Pop();
  }

  void Clear() {
    for (Removal& removal : removals_) Release(&removal);
    removals_.Clear();
  }

  uint32_t size() const { return static_cast<uint32_t>(removals_.size()); }
  const Removal& operator[](uint32_t i) const { return removals_[i]; }

 private:
  static void Release(Removal* removal) {
    Free(removal->value);
    removal->key.Release();
  }

  Vector<Removal> removals_;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_REMOVAL_LOG_H_
