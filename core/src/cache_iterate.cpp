// Iteration by slot. It keeps no state here, so it may be given up at any time.
//
// An entry is met if it came in before the iteration began: otherwise a key that is removed and set again,
// into a later slot, would be met twice. For that the time is cut into eras, a new one with each iteration,
// and an entry keeps in 7 bits the era it was born in. A number would come round after 127 eras, so each
// iteration also walks a part of the slots and makes what is older than kOld eras ageless; a round takes
// kParts iterations.
#include "cache.h"

namespace tiercel {
namespace {

constexpr uint64_t kCodes = 127;  // 0 is the code of the ageless.
constexpr uint64_t kOld = 64;
constexpr uint32_t kParts = 32;
static_assert(kOld + uint64_t{2} * kParts <= kCodes + 1);

// Eras since the one of this code, at era `now`.
uint64_t AgeOf(uint64_t code, uint64_t now) { return (now % kCodes + 1 + kCodes - code) % kCodes; }

}  // namespace

// The code of an entry that comes in now.
uint32_t Cache::Born() const { return static_cast<uint32_t>(era_ % kCodes + 1); }

double Cache::Iterate() {
  era_++;
  for (uint32_t n = entries_.used() / kParts + 1; n != 0 && entries_.used() != 0; n--) {
    Entry& entry = entries_[eras_.Next(entries_.used())];
    if (entry.born != 0 && AgeOf(entry.born, era_) > kOld) entry.born = 0;
  }
  return static_cast<double>(era_);
}

int32_t Cache::Next(uint32_t scope, int32_t slot, double iteration, double now) {
  Tick(now);
  for (uint32_t i = static_cast<uint32_t>(slot) + 1; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    const Entry& entry = entries_[i];
    const uint64_t born = entry.born == 0 ? 0 : era_ - AgeOf(entry.born, era_);
    if (!(static_cast<double>(born) < iteration) || entry.scope() != scope || !IsServable(i)) continue;
    DescribeKey(entry);
    Describe(i, entries_.FreshUntil(i));
    return static_cast<int32_t>(i);
  }
  return TIERCEL_MISS;
}

}  // namespace tiercel
