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
};

// What listeners are told of an entry that left.
struct RemovedContents {
  double ns = 0;
  StoredText key;            // Owned.
  uint8_t* value = nullptr;  // Owned.
  uint32_t value_bytes = 0;
  uint32_t format = 0;
};

class RemovalLog {
 public:
  ~RemovalLog() { Clear(); }

  // Where nobody listens. False without memory.
  bool Add(const Removal& removal) { return removals_.Push(removal); }

  // Takes what `contents` owns. False without memory: then it frees it.
  bool Add(const Removal& removal, RemovedContents contents) {
    if (contents_.Reserve(contents_.size() + 1) && removals_.Push(removal)) return contents_.Push(contents);
    Release(&contents);
    return false;
  }

  // The slot was given out again within the call that freed it, so the binding will overwrite its value.
  // Where nobody listens.
  void ForgetIfLast(uint32_t slot) {
    if (!removals_.empty() && removals_.back().slot == slot) removals_.Pop();
  }

  void Clear() {
    for (RemovedContents& contents : contents_) Release(&contents);
    contents_.Clear();
    removals_.Clear();
  }

  uint32_t size() const { return static_cast<uint32_t>(removals_.size()); }
  const Removal& operator[](uint32_t i) const { return removals_[i]; }
  const RemovedContents& contents(uint32_t i) const { return contents_[i]; }

 private:
  static void Release(RemovedContents* contents) {
    Free(contents->value);
    contents->key.Release();
  }

  Vector<Removal> removals_;
  Vector<RemovedContents> contents_;  // Of the same removals if somebody listens, otherwise none.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_REMOVAL_LOG_H_
