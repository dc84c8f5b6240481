#include "ttl_rules.h"

#include <cmath>
#include <memory>
#include <string>

#include "catch.h"
#include "document.h"
#include "memory.h"
#include "options.h"
#include "random.h"
#include "tiercel/abi.h"

namespace tiercel::test {
namespace {

constexpr double kMinute = 60000;

bool Parse(const std::string& rules, Options* options, std::string* message) {
  const std::string json = R"({"maxEntries":1,"ttlRules":)" + rules + "}";
  return ParseOptions(json.data(), json.size(), options, message);
}

// What a ttl is asked for with.
struct Use {
  uint32_t flags = 0;
  double modified = -1;
  double hour = -1;
  double unit = 0.5;
};

class Rules {
 public:
  explicit Rules(const std::string& json = "{}") {
    std::string message;
    INFO(json.substr(0, 200));
    const bool parsed = Parse(json, &options_, &message);
    INFO(message);
    REQUIRE(parsed);
    REQUIRE(options_.ttl_rules != nullptr);
  }

  double Ttl(const std::string& type, Use use = {}) const {
    return options_.ttl_rules->Ttl(
        {reinterpret_cast<const uint8_t*>(type.data()), static_cast<uint32_t>(type.size()), false}, use.flags,
        use.modified, use.hour, use.unit);
  }
  double TtlWide(const std::u16string& type) const {
    return options_.ttl_rules->Ttl(
        {reinterpret_cast<const uint8_t*>(type.data()), static_cast<uint32_t>(type.size() * 2), true}, 0, -1,
        -1, 0.5);
  }

 private:
  Options options_;
};

struct Fault {
  std::string code;
  std::string path;
  std::string message;
  std::string nearest;
};

Fault FaultOf(const std::string& rules) {
  INFO(rules.substr(0, 200));
  Options options;
  std::string message;
  REQUIRE_FALSE(Parse(rules, &options, &message));
  const Document fault(message);
  REQUIRE(fault.String("message") != "(none)");
  return {fault.String("code"), fault.String("path"), fault.String("message"), fault.String("nearest")};
}

void CheckFault(const std::string& rules, const std::string& code, const std::string& path) {
  const Fault fault = FaultOf(rules);
  INFO(rules.substr(0, 200) << " " << fault.message);
  CHECK(fault.code == code);
  CHECK(fault.path == path);
}

std::string Repeated(const std::string& item, uint32_t times) {
  std::string all = item;
  for (uint32_t i = 1; i < times; i++) all += "," + item;
  return all;
}

}  // namespace

TEST_CASE("without rules there are none") {
  Options options;
  std::string message;
  REQUIRE(ParseOptions("{}", 2, &options, &message));
  CHECK(options.ttl_rules == nullptr);
}

TEST_CASE("types have their default ttl") {
  const Rules rules;
  CHECK(rules.Ttl("user_stats") == 5 * kMinute);
  CHECK(rules.Ttl("file_content") == 60 * kMinute);
  CHECK(rules.Ttl("file_list") == kMinute);
  CHECK(rules.Ttl("markdown_render") == 30 * kMinute);
  CHECK(rules.Ttl("search_results") == 3 * kMinute);
  CHECK(rules.Ttl("public_stats") == 10 * kMinute);
  CHECK(rules.Ttl("bookmarks") == 2 * kMinute);
  CHECK(rules.Ttl("tags") == 5 * kMinute);
  CHECK(rules.Ttl("settings") == kMinute);
  CHECK(rules.Ttl("") == 5 * kMinute);
  CHECK(rules.Ttl("setting") == 5 * kMinute);
  CHECK(rules.Ttl("settingss") == 5 * kMinute);
}

TEST_CASE("the use of a value changes its ttl") {
  const Rules rules;
  CHECK(rules.Ttl("public_stats", {.flags = TIERCEL_TTL_FAVORITE}) == 15 * kMinute);
  CHECK(rules.Ttl("public_stats", {.flags = TIERCEL_TTL_HIGH_FREQUENCY}) == 20 * kMinute);
  CHECK(rules.Ttl("public_stats", {.flags = TIERCEL_TTL_PREMIUM}) == 7 * kMinute);
  CHECK(rules.Ttl("public_stats", {.flags = 7}) == std::floor(600000 * 1.5 * 2 * 0.7));
  CHECK(rules.Ttl("public_stats", {.modified = 0}) == 5 * kMinute);
  CHECK(rules.Ttl("public_stats", {.modified = 3599999.5}) == 5 * kMinute);
  CHECK(rules.Ttl("public_stats", {.modified = 3600000}) == 10 * kMinute);
  CHECK(rules.Ttl("public_stats", {.modified = -1}) == 10 * kMinute);
}

TEST_CASE("the hour of the day changes the ttl") {
  const Rules rules;
  const auto at = [&rules](double hour) { return rules.Ttl("public_stats", {.hour = hour}) / kMinute; };
  CHECK(at(8.99) == 15);
  CHECK(at(9) == 7);
  CHECK(at(17.99) == 7);
  CHECK(at(18) == 10);
  CHECK(at(22.75) == 10);
  CHECK(at(23) == 15);
  CHECK(at(0) == 15);
  CHECK(at(-1) == 10);
}

TEST_CASE("hours may go on past midnight and end at it") {
  const Rules rules(
      R"({"hours":[{"from":22,"to":6,"multiplier":2},{"from":6.5,"to":12,"multiplier":3}],"otherHours":1})");
  const auto at = [&rules](double hour) { return rules.Ttl("public_stats", {.hour = hour}) / kMinute; };
  CHECK(at(21.9) == 10);
  CHECK(at(22) == 20);
  CHECK(at(23.99) == 20);
  CHECK(at(0) == 20);
  CHECK(at(5.9) == 20);
  CHECK(at(6) == 10);
  CHECK(at(6.5) == 30);
  CHECK(at(12) == 10);
  for (const char* midnight :
       {R"({"hours":[{"from":18,"to":0,"multiplier":2},{"from":0,"to":1,"multiplier":3}]})",
        R"({"hours":[{"from":18,"to":24,"multiplier":2},{"from":24,"to":1,"multiplier":3}]})"}) {
    CHECK(Rules(midnight).Ttl("public_stats", {.hour = 23.9}) == 20 * kMinute);
    CHECK(Rules(midnight).Ttl("public_stats", {.hour = 0}) == 30 * kMinute);
    CHECK(Rules(midnight).Ttl("public_stats", {.hour = 2}) == 15 * kMinute);
  }
  CHECK(Rules(R"({"hours":[{"from":0,"to":24,"multiplier":2}]})").Ttl("public_stats", {.hour = 12}) ==
        20 * kMinute);
  CHECK(Rules(R"({"hours":[]})").Ttl("public_stats", {.hour = 12}) == 15 * kMinute);
}

TEST_CASE("a ttl is clamped and then scattered") {
  const Rules rules(R"({"types":{"short":1,"long":9007199254740991},"jitter":0.1})");
  CHECK(rules.Ttl("short") == 30000);
  CHECK(rules.Ttl("long") == 7200000);
  CHECK(rules.Ttl("short", {.unit = 0}) == 27000);
  CHECK(rules.Ttl("long", {.unit = 0.75}) == 7560000);
  const Rules wild(
      R"({"types":{"any":1,"long":9007199254740991},"clamp":{"min":1,"max":9007199254740991},"jitter":1})");
  CHECK(wild.Ttl("any", {.unit = 0}) == 1);
  CHECK(wild.Ttl("long", {.unit = 0}) == 1);
  CHECK(wild.Ttl("long", {.unit = 0.9999}) == 9007199254740991);
}

TEST_CASE("each rule can be replaced and the others stay") {
  CHECK(Rules(R"({"defaultTtl":90000})").Ttl("x") == 90000);
  CHECK(Rules(R"({"defaultTtl":90000})").Ttl("settings") == kMinute);
  const Rules types(R"({"types":{"settings":120000,"x":240000}})");
  CHECK(types.Ttl("settings") == 120000);
  CHECK(types.Ttl("x") == 240000);
  CHECK(types.Ttl("bookmarks") == 120000);
  CHECK(types.Ttl("y") == 300000);
  const Rules context(R"({"context":{"favorite":3,"recentlyModified":{"within":10}}})");
  CHECK(context.Ttl("tags", {.flags = TIERCEL_TTL_FAVORITE}) == 900000);
  CHECK(context.Ttl("tags", {.flags = TIERCEL_TTL_PREMIUM}) == 210000);
  CHECK(context.Ttl("tags", {.modified = 9}) == 150000);
  CHECK(context.Ttl("tags", {.modified = 10}) == 300000);
  CHECK(Rules(R"({"context":{"recentlyModified":{"multiplier":0.25}}})").Ttl("tags", {.modified = 3599999}) ==
        75000);
  CHECK(Rules(R"({"context":{"highFrequency":0}})").Ttl("tags", {.flags = 2}) == 30000);
  CHECK(Rules(R"({"context":{"premium":0.5}})").Ttl("tags", {.flags = 4}) == 150000);
  CHECK(Rules(R"({"otherHours":1})").Ttl("tags", {.hour = 3}) == 300000);
  CHECK(Rules(R"({"clamp":{"max":100000}})").Ttl("tags") == 100000);
  CHECK(Rules(R"({"clamp":{"min":400000}})").Ttl("tags") == 400000);
}

TEST_CASE("types are found by their units, whatever they are") {
  const Rules rules(R"({"types":{"":31000,"caf\u00e9":32000,"α":33000,"😀":34000,"a\u0000b":35000}})");
  CHECK(rules.Ttl("") == 31000);
  CHECK(rules.Ttl("caf\xe9") == 32000);
  CHECK(rules.Ttl("caf\xc3\xa9") == 300000);
  CHECK(rules.TtlWide(u"\u03b1") == 33000);
  CHECK(rules.TtlWide(u"\U0001f600") == 34000);
  CHECK(rules.Ttl(std::string("a\0b", 3)) == 35000);
  CHECK(rules.Ttl("\xb1\x03") == 300000);
}

TEST_CASE("rules are taken up to their bounds") {
  std::string types;
  for (int i = 0; i < 1024; i++)
    types += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + "\":" + std::to_string(40000 + i);
  const Rules many("{\"types\":{" + types + "}}");
  CHECK(many.Ttl("t0") == 40000);
  CHECK(many.Ttl("t1023") == 41023);
  CHECK(many.Ttl("settings") == kMinute);
  CheckFault("{\"types\":{" + types + ",\"more\":1}}", "range", "/ttlRules/types");
  CHECK(Rules("{\"types\":{\"" + std::string(256, 'x') + "\":50000}}").Ttl(std::string(256, 'x')) == 50000);
  CheckFault("{\"types\":{\"" + std::string(257, 'x') + "\":50000}}", "range",
             "/ttlRules/types/" + std::string(257, 'x'));

  std::string hours;
  for (int i = 0; i < 24; i++) {
    hours += (i == 0 ? "" : ",") +
             (R"({"multiplier":1,"from":)" + std::to_string(i) + ",\"to\":" + std::to_string(i + 1) + "}");
  }
  CHECK(Rules("{\"hours\":[" + hours + "]}").Ttl("tags", {.hour = 23.5}) == 300000);
  CheckFault("{\"hours\":[" + hours + R"(,{"from":1,"to":2,"multiplier":1}]})", "range", "/ttlRules/hours");
  CHECK(Rules(R"({"defaultTtl":1,"jitter":1,"otherHours":1000,"context":{"favorite":0,"premium":1000}})")
            .Ttl("x") == 30000);
}

TEST_CASE("wrong rules are refused with the place of the fault") {
  CheckFault("[]", "type", "/ttlRules");
  CheckFault("null", "type", "/ttlRules");
  CheckFault(R"({"defaultTtl":"5m"})", "type", "/ttlRules/defaultTtl");
  CheckFault(R"({"defaultTtl":0})", "range", "/ttlRules/defaultTtl");
  CheckFault(R"({"defaultTtl":0.5})", "range", "/ttlRules/defaultTtl");
  CheckFault(R"({"defaultTtl":9007199254740992})", "range", "/ttlRules/defaultTtl");
  CheckFault(R"({"types":[]})", "type", "/ttlRules/types");
  CheckFault(R"({"types":{"a/b~c":-1}})", "range", "/ttlRules/types/a~1b~0c");
  CheckFault(R"({"types":{"a\"b\\c\n\u0001α":-1}})", "range", "/ttlRules/types/a\"b\\c\n\x01α");
  CheckFault(R"({"types":{"x":null}})", "type", "/ttlRules/types/x");
  CheckFault(R"({"context":1})", "type", "/ttlRules/context");
  CheckFault(R"({"context":{"favorite":1001}})", "range", "/ttlRules/context/favorite");
  CheckFault(R"({"context":{"highFrequency":-1}})", "range", "/ttlRules/context/highFrequency");
  CheckFault(R"({"context":{"premium":true}})", "type", "/ttlRules/context/premium");
  CheckFault(R"({"context":{"recentlyModified":0.5}})", "type", "/ttlRules/context/recentlyModified");
  CheckFault(R"({"context":{"recentlyModified":{"within":0}}})", "range",
             "/ttlRules/context/recentlyModified/within");
  CheckFault(R"({"context":{"recentlyModified":{"multiplier":"1"}}})", "type",
             "/ttlRules/context/recentlyModified/multiplier");
  CheckFault(R"({"hours":{}})", "type", "/ttlRules/hours");
  CheckFault(R"({"hours":[1]})", "type", "/ttlRules/hours/0");
  CheckFault(R"({"hours":[{"from":1,"to":2,"multiplier":1},{"from":3,"to":4}]})", "type",
             "/ttlRules/hours/1/multiplier");
  CheckFault(R"({"hours":[{"to":2,"multiplier":1}]})", "type", "/ttlRules/hours/0/from");
  CheckFault(R"({"hours":[{"from":25,"to":2,"multiplier":1}]})", "range", "/ttlRules/hours/0/from");
  CheckFault(R"({"hours":[{"from":1,"to":-1,"multiplier":1}]})", "range", "/ttlRules/hours/0/to");
  CheckFault(R"({"otherHours":-0.1})", "range", "/ttlRules/otherHours");
  CheckFault(R"({"clamp":{"min":0}})", "range", "/ttlRules/clamp/min");
  CheckFault(R"({"clamp":{"min":2,"max":1}})", "range", "/ttlRules/clamp");
  CheckFault(R"({"clamp":{"max":29999}})", "range", "/ttlRules/clamp");
  CheckFault(R"({"jitter":1.1})", "range", "/ttlRules/jitter");
  CheckFault(R"({"types":{"\ud800":1}})", "syntax", "");
}

TEST_CASE("hours that are empty or overlap are refused") {
  const auto hours = [](const std::string& ranges) { return "{\"hours\":[" + ranges + "]}"; };
  const auto range = [](const std::string& from, const std::string& to) {
    return R"({"multiplier":1,"from":)" + from + ",\"to\":" + to + "}";
  };
  CheckFault(hours(range("9", "9")), "range", "/ttlRules/hours/0");
  CheckFault(hours(range("24", "0")), "range", "/ttlRules/hours/0");
  CheckFault(hours(range("9", "12") + "," + range("11.5", "13")), "range", "/ttlRules/hours/1");
  CheckFault(hours(range("9", "12") + "," + range("8", "9.5")), "range", "/ttlRules/hours/1");
  CheckFault(hours(range("9", "12") + "," + range("8", "13")), "range", "/ttlRules/hours/1");
  CheckFault(hours(range("9", "12") + "," + range("10", "11")), "range", "/ttlRules/hours/1");
  CheckFault(hours(range("1", "2") + "," + range("3", "4") + "," + range("22", "3.5")), "range",
             "/ttlRules/hours/2");
  CheckFault(hours(range("22", "6") + "," + range("23", "1")), "range", "/ttlRules/hours/1");
  CheckFault(hours(range("24", "6") + "," + range("0", "24")), "range", "/ttlRules/hours/1");
  CheckFault(hours(Repeated(range("9", "12"), 2)), "range", "/ttlRules/hours/1");
  Rules(hours(range("9", "12") + "," + range("12", "9")));
}

TEST_CASE("an unknown rule is refused with the nearest one that there is") {
  const struct {
    const char* rules;
    const char* path;
    const char* nearest;
  } cases[] = {
      {R"({"type":{}})", "/ttlRules/type", "types"},
      {R"({"context":{"favourite":1}})", "/ttlRules/context/favourite", "favorite"},
      {R"({"context":{"recentlyModified":{"multiplyer":1}}})",
       "/ttlRules/context/recentlyModified/multiplyer", "multiplier"},
      {R"({"hours":[{"form":1,"to":2,"multiplier":1}]})", "/ttlRules/hours/0/form", "from"},
      {R"({"clamp":{"mx":1}})", "/ttlRules/clamp/mx", "max"},
  };
  for (const auto& c : cases) {
    const Fault fault = FaultOf(c.rules);
    CHECK(fault.code == "unknown");
    CHECK(fault.path == c.path);
    CHECK(fault.nearest == c.nearest);
  }
}

TEST_CASE("rules without memory are not taken, and not explained") {
  const std::string rules = R"({"types":{"α":33000,"b":34000}})";
  for (int64_t n = 0;; n++) {
    Options options;
    std::string message;
    Faults().fail_after = n;
    const bool parsed = Parse(rules, &options, &message);
    const bool all_used = Faults().fail_after >= 0;
    Faults().fail_after = -1;
    if (parsed) {
      CHECK(all_used);
      CHECK(n >= 5);
      break;
    }
    CHECK(message.empty());
  }
  CHECK(Faults().live == 0);
}

}  // namespace tiercel::test
