#ifndef TIERCEL_SRC_POLICY_H_
#define TIERCEL_SRC_POLICY_H_

#include <cstdint>

#include "entry.h"

namespace tiercel {

// Decides which entry leaves when a bound is reached. Knows slots, never keys or values. Every call is O(1)
// and allocates nothing.
class Policy {
 public:
  virtual ~Policy() = default;

  virtual void OnInsert(uint32_t slot) = 0;
  // A read that counts, or a new value for the entry.
  virtual void OnHit(uint32_t slot) = 0;
  // The entry leaves, evicted or for any other cause.
  virtual void OnRemove(uint32_t slot) = 0;
  // The entry to evict, or kNone if there is none.
  virtual uint32_t Victim() = 0;
};

// Evicts the entry that was not used for the longest time. nullptr without memory; free it with DeletePolicy.
Policy* NewLruPolicy(Entries* entries);

inline void DeletePolicy(Policy* policy) { Delete(policy); }

}  // namespace tiercel

#endif  // TIERCEL_SRC_POLICY_H_
