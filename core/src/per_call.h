// How much of what can wait a call does at most. Test builds may lower the figures, so that a cache of a few
// entries goes the ways of a large one.
#ifndef TIERCEL_SRC_PER_CALL_H_
#define TIERCEL_SRC_PER_CALL_H_

#include <cstdint>

namespace tiercel {

struct Limits {
  // Dead entries reclaimed by a call that changes the cache: more than it adds, so that it catches up.
  uint32_t slice = 16;
  // Entries evicted by such a call because the bounds were lowered: memory is wanted back soon.
  uint32_t shrink_slice = 64;
  // Entries evicted by the call that lowers them.
  uint32_t shrink_most = 256;
  // A scope of at most this many entries is reclaimed within the call that invalidates it. 1 at least.
  uint32_t slice_most = 4096;
  // In a cache of at most this many slots an invalidation by prefix, pattern or of everything looks at all,
  // to count them.
  uint32_t walk = 16384;
  // Up to so many loads in flight are told apart when a barrier is forgotten that may cover them.
  uint32_t loads = 1024;
};

#ifdef TIERCEL_FAULTS
inline Limits& PerCall() {
  static Limits limits;
  return limits;
}
#else
constexpr Limits PerCall() { return {}; }
#endif

}  // namespace tiercel

#endif  // TIERCEL_SRC_PER_CALL_H_
