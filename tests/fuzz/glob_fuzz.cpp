#include <string>

#include "glob_oracle.h"
#include "run.h"

using namespace tiercel::test;
using tiercel::Glob;

namespace {

// Two bytes for each unit if `wide`, else one.
std::u16string ReadUnits(const uint8_t* data, size_t size, bool wide) {
  std::u16string units;
  for (size_t i = 0; i + (wide ? 1 : 0) < size; i += wide ? 2 : 1) {
    units.push_back(static_cast<char16_t>(data[i] | (wide ? data[i + 1] << 8 : 0)));
  }
  return units;
}

}  // namespace

// The first byte tells which of the two strings is wide, the second how long the pattern is; the text is the
// rest.
TIERCEL_FUZZ("glob", "any pattern matches any text as the oracle says") {
  if (size < 2) return;
  const size_t pattern_size = std::min<size_t>(data[1] + (data[0] & 4) * 8, size - 2);
  const std::u16string pattern = ReadUnits(data + 2, pattern_size, (data[0] & 1) != 0);
  const std::u16string text =
      ReadUnits(data + 2 + pattern_size, size - 2 - pattern_size, (data[0] & 2) != 0).substr(0, 1024);
  const StoredUnits stored_pattern(pattern);
  const StoredUnits stored_text(text);

  Glob glob;
  const Glob::Fault fault = Glob::Parse(stored_pattern.text(), &glob);
  const bool too_long = stored_pattern.text().bytes > TIERCEL_MAX_PATTERN;
  FuzzExpect((fault == Glob::Fault::kTooLong) == too_long, "a pattern is too long if it has too many bytes");
  if (too_long) return;
  FuzzExpect((fault == Glob::Fault::kTooManyWildcards) == (OracleWildcards(pattern) > TIERCEL_MAX_WILDCARDS),
             "wildcards are counted in runs");
  if (fault != Glob::Fault::kNothing) return;
  const bool matches = glob.Matches(stored_text.text());
  FuzzExpect(matches == OracleMatches(pattern, text), "a pattern matches as the oracle says");
  const std::u16string prefix = Units(glob.literal_prefix());
  FuzzExpect(!matches || text.compare(0, prefix.size(), prefix) == 0, "a match begins with the prefix");
}
