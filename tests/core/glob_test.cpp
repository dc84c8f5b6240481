#include "glob.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "glob_oracle.h"
#include "random.h"

namespace tiercel::test {
namespace {

Glob Parsed(std::u16string_view pattern) {
  Glob glob;
  REQUIRE(Glob::Parse(StoredUnits(pattern).text(), &glob) == Glob::Fault::kNothing);
  return glob;
}

bool Matches(std::u16string_view pattern, std::u16string_view text) {
  return Parsed(pattern).Matches(StoredUnits(text).text());
}

Glob::Fault FaultOf(const std::u16string& pattern) {
  Glob glob;
  return Glob::Parse(StoredUnits(pattern).text(), &glob);
}

std::u16string Prefix(std::u16string_view pattern) {
  const Glob glob = Parsed(pattern);
  const tiercel::Text prefix = glob.literal_prefix();
  const std::u16string units = Units(prefix);
  REQUIRE(prefix.wide == StoredUnits(units).text().wide);
  return units;
}

// All strings of up to `longest` of these units.
std::vector<std::u16string> Strings(std::u16string_view units, size_t longest) {
  std::vector<std::u16string> all = {u""};
  for (size_t i = 0; i < all.size() && all[i].size() < longest; i++) {
    for (const char16_t unit : units) all.push_back(all[i] + unit);
  }
  return all;
}

std::u16string RandomString(Random& random, std::u16string_view units, uint32_t longest) {
  std::u16string string(random.Below(longest + 1), u'\0');
  for (char16_t& unit : string) unit = units[random.Below(static_cast<uint32_t>(units.size()))];
  return string;
}

}  // namespace

TEST_CASE("a glob matches as in Redis") {
  struct Case {
    std::u16string pattern;
    std::u16string text;
    bool matches;
  };
  const Case cases[] = {
      {u"", u"", true},
      {u"", u"a", false},
      {u"*", u"", true},
      {u"*", u"anything", true},
      {u"h?llo", u"hello", true},
      {u"h?llo", u"hllo", false},
      {u"h*llo", u"heeeello", true},
      {u"h*llo", u"hllo", true},
      {u"h[ae]llo", u"hallo", true},
      {u"h[ae]llo", u"hillo", false},
      {u"h[^e]llo", u"hallo", true},
      {u"h[^e]llo", u"hello", false},
      {u"h[a-b]llo", u"hbllo", true},
      {u"h[b-a]llo", u"hbllo", true},
      {u"h[a-b]llo", u"hcllo", false},
      {u"user:*:profile", u"user::profile", true},
      {u"user:*:profile", u"user:profile", false},
      {u"a\\*b", u"a*b", true},
      {u"a\\*b", u"axb", false},
      {u"a\\?[\\]]", u"a?]", true},
      {u"\\a", u"a", true},
      {u"**a**", u"bab", true},
      {u"*ab*ab*", u"abb", false},
      {u"*ab*ba*", u"aba", false},
      {u"*ab*ba*", u"abba", true},
      {u"a*a", u"a", false},
      // Faulty ones.
      {u"a\\", u"a\\", true},
      {u"[a", u"a", true},
      {u"[abc", u"c", true},
      {u"[", u"[", false},
      {u"[", u"", false},
      {u"[^", u"x", true},
      {u"[^a", u"a", false},
      {u"[]", u"]", false},
      {u"[]a]", u"a]", false},
      {u"[^]", u"x", true},
      {u"[a-]", u"^", true},
      {u"[a-]", u"-", false},
      {u"[a-", u"-", true},
      {u"[\\", u"\\", true},
      {u"[\\]", u"]", true},
      {u"[\\a-c]", u"b", false},
      {u"[\\a-c]", u"-", true},
      {u"]", u"]", true},
      {u"^", u"^", true},
  };
  for (const Case& c : cases) {
    INFO(std::string(c.pattern.begin(), c.pattern.end()) << " " << std::string(c.text.begin(), c.text.end()));
    CHECK(Matches(c.pattern, c.text) == c.matches);
    CHECK(OracleMatches(c.pattern, c.text) == c.matches);
  }
}

TEST_CASE("a glob sees units, in any mixture of encodings") {
  CHECK(Matches(u"?", u"\u00e9"));
  CHECK(Matches(u"?", u"\u03b1"));
  CHECK_FALSE(Matches(u"?", u"\U0001f600"));
  CHECK(Matches(u"??", u"\U0001f600"));
  CHECK(Matches(u"[\u03b1-\u03c9]*", u"\u03b2x"));
  CHECK_FALSE(Matches(u"*\u03b1*", u"a\u00b1b"));
  CHECK_FALSE(Matches(u"*[\u0161]*", u"aab"));
  CHECK(Matches(u"*[a-\u0161]*", u"\u00ff"));
  CHECK(Matches(u"*[^\u0161]*", u"a"));
  CHECK(Matches(u"*\u00ff*", u"\u1234\u00ff\u1234"));
  CHECK(Matches(std::u16string(u"a*\0b", 4), std::u16string(u"ax\0b", 4)));
  const char16_t lone[] = {0xd83d, 0};
  CHECK(Matches(std::u16string(u"*") + lone, std::u16string(u"a") + lone));
  CHECK_FALSE(Matches(std::u16string(u"*") + lone, u"a\U0001f600"));
}

TEST_CASE("patterns are taken up to their bounds") {
  CHECK(FaultOf(std::u16string(256, u'a')) == Glob::Fault::kNothing);
  CHECK(FaultOf(std::u16string(257, u'a')) == Glob::Fault::kTooLong);
  CHECK(FaultOf(std::u16string(256, u'[')) == Glob::Fault::kNothing);
  CHECK(FaultOf(std::u16string(128, u'\u03b1')) == Glob::Fault::kNothing);
  CHECK(FaultOf(std::u16string(129, u'\u03b1')) == Glob::Fault::kTooLong);
  CHECK(FaultOf(u"*a*a*a*a*a*a*a*") == Glob::Fault::kNothing);
  CHECK(FaultOf(u"*a*a*a*a*a*a*a**") == Glob::Fault::kNothing);
  CHECK(FaultOf(u"*a*a*a*a*a*a*a*a*") == Glob::Fault::kTooManyWildcards);
  CHECK(FaultOf(u"*a*a*a*a*a*a*a*\\*") == Glob::Fault::kNothing);
  CHECK(FaultOf(u"*a*a*a*a*a*a*a*[*]") == Glob::Fault::kNothing);
  CHECK(FaultOf(std::u16string(256, u'*')) == Glob::Fault::kNothing);
}

TEST_CASE("the literal prefix is what every match begins with") {
  CHECK(Prefix(u"") == u"");
  CHECK(Prefix(u"user:1") == u"user:1");
  CHECK(Prefix(u"user:*") == u"user:");
  CHECK(Prefix(u"user?x") == u"user");
  CHECK(Prefix(u"a[b]\\*[cd]e") == u"ab*");
  CHECK(Prefix(u"a[^b]") == u"a");
  CHECK(Prefix(u"*a") == u"");
  CHECK(Prefix(u"\u03b1\u00ff*") == u"\u03b1\u00ff");
  CHECK(Prefix(u"ab*\u03b1") == u"ab");
}

TEST_CASE("all short patterns match all short texts as the oracle says") {
  const std::vector<std::u16string> texts = Strings(u"ab]", 4);
  for (const std::u16string& pattern : Strings(u"ab*?[]^-\\", 4)) {
    const Glob glob = Parsed(pattern);
    for (const std::u16string& text : texts) {
      if (glob.Matches(StoredUnits(text).text()) == OracleMatches(pattern, text)) continue;
      INFO(std::string(pattern.begin(), pattern.end()) << " " << std::string(text.begin(), text.end()));
      FAIL();
    }
  }
}

TEST_CASE("long patterns match long texts as the oracle says") {
  Random random(3);
  const std::u16string_view texts[] = {u"aaaaab", u"ab", u"aaab\u00fe\u03b1"};
  uint32_t matches = 0;
  for (int i = 0; i < 20000; i++) {
    const std::u16string_view units = texts[random.Below(3)];
    std::u16string pattern = RandomString(random, units, 4);
    for (uint32_t n = random.Below(8); n > 0; n--) {
      pattern += u'*';
      pattern += RandomString(random, random.Below(3) == 0 ? u"ab?" : units, random.Below(4) == 0 ? 20 : 4);
    }
    if (random.Below(4) == 0) pattern += u"*[^b-c]*";
    if (FaultOf(pattern) != Glob::Fault::kNothing) continue;
    const std::u16string text = RandomString(random, units, random.Below(3) == 0 ? 400 : 70);
    const bool expected = OracleMatches(pattern, text);
    matches += expected ? 1 : 0;
    if (Matches(pattern, text) == expected) continue;
    INFO(std::string(pattern.begin(), pattern.end()) << " " << std::string(text.begin(), text.end()));
    FAIL();
  }
  CHECK(matches > 2000);
  CHECK(matches < 18000);
}

// Each takes about 6 ns: so 26 us, where 50 are promised.
constexpr uint64_t kMostSteps = (1024 / 64 + 1) * TIERCEL_MAX_PATTERN;

TEST_CASE("the worst patterns compare each of their ranges with each part of a key of 1 KiB once") {
  const std::u16string key(1024, u'a');
  const auto repeat = [](const std::u16string& part, int n) {
    std::u16string all;
    while (n-- > 0) all += part;
    return all;
  };
  const std::u16string patterns[] = {
      u"*" + std::u16string(253, u'a') + u"b*",
      u"*" + std::u16string(253, u'?') + u"b*",
      u"*" + std::u16string(126, u'a') + u"b" + std::u16string(126, u'a') + u"*",
      repeat(u"*aaaaa", 7) + std::u16string(212, u'a') + u"b*",
      repeat(u"*" + std::u16string(34, u'a'), 6) + u"*" + std::u16string(34, u'a') + u"b*",
      u"*" + repeat(u"[ba]", 63) + u"b*",
      u"*" + repeat(u"[^b]", 63) + u"b*",
      u"*[" + std::u16string(251, u'b') + u"]*",
  };
  uint64_t most = 0;
  for (const std::u16string& pattern : patterns) {
    INFO(std::string(pattern.begin(), pattern.end()));
    const Glob glob = Parsed(pattern);
    const uint64_t before = GlobSteps();
    REQUIRE_FALSE(glob.Matches(StoredUnits(key).text()));
    CHECK(GlobSteps() - before <= kMostSteps);
    most = std::max(most, GlobSteps() - before);
  }
  // They are as bad as they look.
  CHECK(most > kMostSteps / 2);
}

TEST_CASE("no pattern takes more steps than the worst") {
  Random random(5);
  for (int i = 0; i < 20000; i++) {
    const std::u16string_view units = random.Below(2) == 0 ? u"aaaaaaab" : u"aa?[a]*b";
    const std::u16string pattern = RandomString(random, units, TIERCEL_MAX_PATTERN);
    if (FaultOf(pattern) != Glob::Fault::kNothing) continue;
    const std::u16string key(random.Below(1024) + 1, u'a');
    const uint64_t before = GlobSteps();
    (void)Matches(pattern, key);
    if (GlobSteps() - before <= kMostSteps) continue;
    INFO(std::string(pattern.begin(), pattern.end()));
    FAIL(GlobSteps() - before);
  }
}

}  // namespace tiercel::test
