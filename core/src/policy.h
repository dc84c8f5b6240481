#ifndef TIERCEL_SRC_POLICY_H_
#define TIERCEL_SRC_POLICY_H_

#include <cstdint>

#include "entry.h"

namespace tiercel {

enum class PolicyKind : uint8_t { kAdaptive, kLru, kSieve, kS3Fifo };

// What a policy tells of itself; 0 where it has no such thing. In entries, or bytes if it is bounded by
// bytes.
struct PolicyState {
  uint64_t window_target = 0;
  uint64_t window = 0;
  uint64_t protected_ = 0;
  uint64_t ghosts = 0;  // Keys remembered that are not in the cache.
  uint64_t sketch_counters = 0;
  uint64_t memory = 0;  // Bytes it allocated.
};

// Decides which entry leaves when a bound is reached. Knows slots, hashes and costs, never keys or values.
// Pinned entries are none of its business: it is never told of one. Every call is O(1), amortised and but for
// a constant, and works on, less well, where it gets no memory.
//
// An entry that comes in is announced by OnMiss; then room is made, by Victim as often as it takes; then
// OnInsert follows, unless the entry turned out to have no room.
class Policy {
 public:
  virtual ~Policy() = default;

  // A key that is not there is about to be stored, at this cost. `print` is more of its hash, of kPrintBits,
  // for policies that say that they want it; 0 for others.
  virtual void OnMiss(uint32_t hash, uint64_t cost, uint32_t print) {
    (void)hash;
    (void)cost;
    (void)print;
  }
  static constexpr uint32_t kPrintBits = 6;
  virtual bool WantsPrint() const { return false; }
  virtual void OnInsert(uint32_t slot) = 0;
  // A read that counts.
  virtual void OnHit(uint32_t slot) = 0;
  // The entry gets a new value, for which room was made: called before its cost changes, with what it will
  // be, and counts as a hit. It must not be the next victim, unless it is the only entry. One that was the
  // victim while room was made for its own value is not updated but removed and inserted again.
  virtual void OnUpdate(uint32_t slot, uint64_t cost) = 0;
  // The entry leaves, evicted or for any other cause.
  virtual void OnRemove(uint32_t slot) = 0;
  // The entry to evict, or kNone if there is none; it is removed, by OnRemove, before the next call. What the
  // policy wants to remember of it (a ghost) it remembers here.
  virtual uint32_t Victim() = 0;

  // The bounds of the cache are these now; 0: none.
  virtual void Resize(uint64_t max_entries, uint64_t max_bytes) {
    (void)max_entries;
    (void)max_bytes;
  }
  // Hashes changed: what is remembered by hash is worthless.
  virtual void ForgetHashes() {}

  virtual PolicyState State() const { return {}; }
};

// nullptr without memory; free it with DeletePolicy. 0 means no bound.
Policy* NewPolicy(PolicyKind kind, Entries* entries, uint64_t max_entries, uint64_t max_bytes);

Policy* NewAdaptivePolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes);
Policy* NewLruPolicy(Entries* entries);
Policy* NewSievePolicy(Entries* entries);
Policy* NewS3FifoPolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes);

inline void DeletePolicy(Policy* policy) { Delete(policy); }

}  // namespace tiercel

#endif  // TIERCEL_SRC_POLICY_H_
