// Patterns of keys, as Redis has them: `*` stands for any units, `?` for any one, `[abc]`, `[a-z]` and `[^a]`
// for one that is in a set, or is not; `\` takes the next unit as it is. A unit is a unit of JavaScript's.
//
// There is no wrong pattern. As in Redis a set without its end goes on to the end of the pattern, a range may
// be given backwards, its end is taken as it is, be it `]` or `\`, and a last `\` stands for itself. Unlike
// in Redis, `*` matches the empty string.
#ifndef TIERCEL_SRC_GLOB_H_
#define TIERCEL_SRC_GLOB_H_

#include <cstdint>

#include "key.h"
#include "tiercel/abi.h"

namespace tiercel {

// Units from `low` to `high`, both included.
struct GlobRange {
  uint16_t low;
  uint16_t high;
};

// What one unit of the text must be: in one of the ranges, or, if inverted, in none.
struct GlobItem {
  uint16_t first;  // Its ranges are this one and those behind it.
  uint8_t ranges;
  bool inverted;
};

#ifdef TIERCEL_FAULTS
// Test builds only: how often a range was compared with the units at the kBlock places of glob.cpp.
inline uint64_t& GlobSteps() {
  static uint64_t steps = 0;
  return steps;
}
#endif

// What is between two wildcards `*`.
struct GlobSegment {
  const GlobItem* items;
  uint32_t size;
  const GlobRange* ranges;
};

// A pattern, split at its wildcards. The first segment stands at the beginning of what matches and the last
// at the end; for each one between, the leftmost place behind the one before is as good as any other, so none
// is tried twice. A segment is looked for at many places at once: O(pattern * text), a vector at a time.
class Glob {
 public:
  enum class Fault : uint8_t { kNothing, kTooLong, kTooManyWildcards };

  // At most TIERCEL_MAX_PATTERN bytes and, runs counted once, TIERCEL_MAX_WILDCARDS of `*`.
  [[nodiscard]] static Fault Parse(const Text& pattern, Glob* glob);

  bool Matches(const Text& text) const;

  // What every match begins with, canonical; valid as long as this.
  Text literal_prefix() const { return {prefix_, prefix_bytes_, prefix_wide_}; }

 private:
  void AddItem(bool inverted) { items_[items_size_++] = {ranges_size_, 0, inverted}; }
  // To the last item.
  void AddRange(uint16_t low, uint16_t high) {
    ranges_[ranges_size_++] = {low, high};
    items_[items_size_ - 1].ranges++;
  }
  uint32_t ParseSet(const Text& pattern, uint32_t at);
  void FindPrefix();

  GlobSegment segment(uint32_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {items_ + begin, ends_[i] - begin, ranges_};
  }

  uint16_t items_size_ = 0;
  uint16_t ranges_size_ = 0;
  uint16_t prefix_bytes_ = 0;
  bool prefix_wide_ = false;
  uint8_t wildcards_ = 0;                     // One less than segments.
  uint16_t ends_[TIERCEL_MAX_WILDCARDS + 1];  // Of the segments, in items.
  GlobItem items_[TIERCEL_MAX_PATTERN];
  GlobRange ranges_[TIERCEL_MAX_PATTERN];
  alignas(uint16_t) uint8_t prefix_[TIERCEL_MAX_PATTERN];
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_GLOB_H_
