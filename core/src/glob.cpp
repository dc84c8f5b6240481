#include "glob.h"

#include <algorithm>
#include <cstring>

namespace tiercel {
namespace {

// Places that are looked at together.
constexpr uint32_t kBlock = 64;

// A unit for each of kBlock places, in vectors that the compiler brings to whatever the processor has.
typedef uint16_t Units __attribute__((vector_size(16)));
constexpr uint32_t kVectors = kBlock * sizeof(uint16_t) / sizeof(Units);

uint32_t Size(const Text& text) { return text.wide ? text.bytes / 2 : text.bytes; }

uint16_t UnitAt(const Text& text, uint32_t i) {
  if (!text.wide) return text.data[i];
  uint16_t unit = 0;
  std::memcpy(&unit, text.data + size_t{2} * i, sizeof(unit));
  return unit;
}

void Copy(const Text& text, uint32_t begin, uint32_t end, uint16_t* to) {
  if (text.wide) {
    std::memcpy(to, text.data + size_t{2} * begin, size_t{2} * (end - begin));
  } else {
    std::copy(text.data + begin, text.data + end, to);
  }
}

// Whether the segment matches at a place, behind which the text is long enough.
bool MatchesAt(const GlobSegment& segment, const Text& text, uint32_t at) {
  for (uint32_t i = 0; i < segment.size; i++) {
    const uint16_t unit = UnitAt(text, at + i);
    const GlobItem& item = segment.items[i];
    const GlobRange* ranges = segment.ranges + item.first;
    const bool inside = std::any_of(ranges, ranges + item.ranges, [unit](const GlobRange& range) {
      return unit >= range.low && unit <= range.high;
    });
    if (inside == item.inverted) return false;
  }
  return true;
}

// Clears in `alive` the places where the item does not match. False if none is left.
bool Narrow(const GlobItem& item, const GlobRange* ranges, const uint16_t* text, Units* alive) {
  if (item.ranges == 0) return item.inverted;
#ifdef TIERCEL_FAULTS
  GlobSteps() += item.ranges;
#endif
  Units units[kVectors];
  std::memcpy(units, text, sizeof(units));
  Units inside[kVectors] = {};
  for (uint32_t i = 0; i < item.ranges; i++) {
    const uint16_t low = ranges[item.first + i].low;
    const auto span = static_cast<uint16_t>(ranges[item.first + i].high - low);
    for (uint32_t k = 0; k < kVectors; k++) {
      inside[k] |= reinterpret_cast<Units>(units[k] - low <= Units{} + span);
    }
  }
  const uint16_t flip = item.inverted ? 0xffff : 0;
  Units any = {};
  for (uint32_t k = 0; k < kVectors; k++) any |= alive[k] &= inside[k] ^ flip;
  uint64_t halves[2];
  std::memcpy(halves, &any, sizeof(any));
  return (halves[0] | halves[1]) != 0;
}

// The first of at most kBlock places where the segment matches, or `places`. The text is read as far as if
// there were kBlock of them.
uint32_t FindInBlock(const GlobSegment& segment, const uint16_t* text, uint32_t places) {
  uint16_t marks[kBlock] = {};
  std::fill_n(marks, places, uint16_t{1});
  Units alive[kVectors];
  std::memcpy(alive, marks, sizeof(alive));
  for (uint32_t i = 0; i < segment.size; i++) {
    if (!Narrow(segment.items[i], segment.ranges, text + i, alive)) return places;
  }
  std::memcpy(marks, alive, sizeof(alive));
  return static_cast<uint32_t>(std::find(marks, marks + places, uint16_t{1}) - marks);
}

// Where in the units from `begin` to `end` the segment first matches, or kNone.
uint32_t Find(const GlobSegment& segment, const Text& text, uint32_t begin, uint32_t end) {
  uint16_t units[kBlock + TIERCEL_MAX_PATTERN];
  std::fill_n(units, kBlock + segment.size, uint16_t{0});
  for (uint32_t at = begin; at + segment.size <= end; at += kBlock) {
    Copy(text, at, std::min(end, at + kBlock + segment.size), units);
    const uint32_t places = std::min(kBlock, end - at - segment.size + 1);
    const uint32_t found = FindInBlock(segment, units, places);
    if (found < places) return at + found;
  }
  return kNone;
}

}  // namespace

Glob::Fault Glob::Parse(const Text& pattern, Glob* glob) {
  *glob = Glob();
  if (pattern.bytes > TIERCEL_MAX_PATTERN) return Fault::kTooLong;
  const uint32_t size = Size(pattern);
  bool after_wildcard = false;
  for (uint32_t i = 0; i < size; i++) {
    const uint16_t unit = UnitAt(pattern, i);
    if (unit == '*') {
      if (after_wildcard) continue;
      if (glob->wildcards_ == TIERCEL_MAX_WILDCARDS) return Fault::kTooManyWildcards;
      glob->ends_[glob->wildcards_++] = glob->items_size_;
    } else if (unit == '?') {
      glob->AddItem(true);
    } else if (unit == '[') {
      i = glob->ParseSet(pattern, i + 1);
    } else {
      if (unit == '\\' && i + 1 < size) i++;
      glob->AddItem(false);
      glob->AddRange(UnitAt(pattern, i), UnitAt(pattern, i));
    }
    after_wildcard = unit == '*';
  }
  glob->ends_[glob->wildcards_] = glob->items_size_;
  glob->FindPrefix();
  return Fault::kNothing;
}

// Reads a set from behind its `[`. Returns where its `]` is, or the end of the pattern.
uint32_t Glob::ParseSet(const Text& pattern, uint32_t at) {
  const uint32_t size = Size(pattern);
  const bool inverted = at < size && UnitAt(pattern, at) == '^';
  if (inverted) at++;
  AddItem(inverted);
  for (; at < size && UnitAt(pattern, at) != ']'; at++) {
    uint16_t low = UnitAt(pattern, at);
    uint16_t high = low;
    if (low == '\\' && at + 1 < size) {
      at++;
      low = high = UnitAt(pattern, at);
    } else if (at + 2 < size && UnitAt(pattern, at + 1) == '-') {
      at += 2;
      high = UnitAt(pattern, at);
    }
    AddRange(std::min(low, high), std::max(low, high));
  }
  return at;
}

void Glob::FindPrefix() {
  const GlobSegment first = segment(0);
  uint16_t units[TIERCEL_MAX_PATTERN];
  uint16_t size = 0;
  for (; size < first.size; size++) {
    const GlobItem& item = first.items[size];
    if (item.inverted || item.ranges != 1) break;
    const GlobRange& range = ranges_[item.first];
    if (range.low != range.high) break;
    units[size] = range.low;
    if (range.low > 0xff) prefix_wide_ = true;
  }
  prefix_bytes_ = size;
  for (uint32_t i = 0; i < size; i++) prefix_[i] = static_cast<uint8_t>(units[i]);
  if (!prefix_wide_) return;
  prefix_bytes_ = static_cast<uint16_t>(size * sizeof(uint16_t));
  std::memcpy(prefix_, units, prefix_bytes_);
}

bool Glob::Matches(const Text& text) const {
  const uint32_t size = Size(text);
  if (size < items_size_ || (wildcards_ == 0 && size != items_size_)) return false;
  const GlobSegment first = segment(0);
  if (!MatchesAt(first, text, 0)) return false;
  if (wildcards_ == 0) return true;
  const GlobSegment last = segment(wildcards_);
  const uint32_t end = size - last.size;
  if (!MatchesAt(last, text, end)) return false;
  uint32_t at = first.size;
  for (uint32_t i = 1; i < wildcards_; i++) {
    const GlobSegment middle = segment(i);
    const uint32_t found = Find(middle, text, at, end);
    if (found == kNone) return false;
    at = found + middle.size;
  }
  return true;
}

}  // namespace tiercel
