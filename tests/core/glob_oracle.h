// Globs once more, so plainly that it must be right: the pattern is read unit by unit as stringmatchlen of
// Redis reads it, beside the set of all lengths of the text that what was read so far can match.
#ifndef TIERCEL_TESTS_CORE_GLOB_ORACLE_H_
#define TIERCEL_TESTS_CORE_GLOB_ORACLE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "glob.h"

namespace tiercel::test {

// A string as the core stores it.
class StoredUnits {
 public:
  explicit StoredUnits(std::u16string_view units)
      : wide_(std::any_of(units.begin(), units.end(), [](char16_t unit) { return unit > 0xff; })) {
    for (const char16_t unit : units) {
      bytes_.push_back(static_cast<uint8_t>(unit & 0xff));
      if (wide_) bytes_.push_back(static_cast<uint8_t>(unit >> 8));
    }
  }

  tiercel::Text text() const { return {bytes_.data(), static_cast<uint32_t>(bytes_.size()), wide_}; }

 private:
  bool wide_;
  std::vector<uint8_t> bytes_;
};

inline std::u16string Units(const tiercel::Text& text) {
  std::u16string units;
  for (uint32_t i = 0; i < text.bytes; i += text.wide ? 2 : 1) {
    units.push_back(static_cast<char16_t>(text.data[i] | (text.wide ? text.data[i + 1] << 8 : 0)));
  }
  return units;
}

// Takes one item off the pattern, no `*`, and returns whether a unit matches it.
inline std::function<bool(char16_t)> TakeItem(std::u16string_view* pattern) {
  const auto take = [pattern] {
    const char16_t unit = pattern->front();
    pattern->remove_prefix(1);
    return unit;
  };
  const char16_t head = take();
  if (head == '?') return [](char16_t) { return true; };
  if (head == '\\' && !pattern->empty()) {
    return [unit = take()](char16_t given) { return given == unit; };
  }
  if (head != '[') {
    return [head](char16_t given) { return given == head; };
  }
  const bool inverted = !pattern->empty() && pattern->front() == '^';
  if (inverted) take();
  std::vector<std::pair<char16_t, char16_t>> ranges;
  while (!pattern->empty() && pattern->front() != ']') {
    char16_t low = take();
    char16_t high = low;
    if (low == '\\' && !pattern->empty()) {
      low = high = take();
    } else if (pattern->size() >= 2 && pattern->front() == '-') {
      take();
      high = take();
    }
    ranges.emplace_back(std::min(low, high), std::max(low, high));
  }
  if (!pattern->empty()) take();
  return [inverted, ranges](char16_t given) {
    const bool inside = std::any_of(ranges.begin(), ranges.end(), [given](const auto& range) {
      return given >= range.first && given <= range.second;
    });
    return inside != inverted;
  };
}

inline bool OracleMatches(std::u16string_view pattern, std::u16string_view text) {
  std::vector<bool> reached(text.size() + 1);
  reached[0] = true;
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      pattern.remove_prefix(1);
      std::fill(std::find(reached.begin(), reached.end(), true), reached.end(), true);
      continue;
    }
    const auto matches = TakeItem(&pattern);
    for (size_t i = text.size(); i > 0; i--) reached[i] = reached[i - 1] && matches(text[i - 1]);
    reached[0] = false;
  }
  return reached.back();
}

// The runs of `*` that the core counts.
inline uint32_t OracleWildcards(std::u16string_view pattern) {
  uint32_t runs = 0;
  for (bool in_run = false; !pattern.empty();) {
    const bool is_wildcard = pattern.front() == '*';
    if (is_wildcard && !in_run) runs++;
    in_run = is_wildcard;
    if (is_wildcard) {
      pattern.remove_prefix(1);
    } else {
      TakeItem(&pattern);
    }
  }
  return runs;
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_GLOB_ORACLE_H_
