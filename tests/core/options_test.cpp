#include "options.h"

#include <string>

#include "catch.h"
#include "document.h"
#include "engine.h"

namespace tiercel::test {
namespace {

// The explanation of options that are wrong.
Document Fault(const std::string& options) {
  INFO(options.substr(0, 80));
  Engine engine;
  REQUIRE(engine.Open(options) == kBadOption);
  const Document fault(engine.Message());
  REQUIRE(fault.is_object());
  for (const char* name : {"code", "path", "message"}) REQUIRE(fault.String(name) != "(none)");
  REQUIRE_FALSE(fault.String("message").empty());
  return fault;
}

Options Parsed(const std::string& json) {
  Options options;
  std::string message;
  INFO(json);
  REQUIRE(ParseOptions(json.data(), json.size(), &options, &message));
  return options;
}

}  // namespace

TEST_CASE("options that are left out have their defaults") {
  const Options options = Parsed("{}");
  REQUIRE(options.max_entries == 10000);
  REQUIRE(options.max_bytes == 0);
  REQUIRE_FALSE(options.bytes_mode);
  REQUIRE(options.jitter == 0);
  REQUIRE(options.max_key_bytes == 1024);
  REQUIRE(Parsed(R"({"maxBytes":5})").max_entries == 0);
  REQUIRE(Parsed(R"({"maxBytes":5,"maxEntries":7})").max_entries == 7);
  REQUIRE(Parsed(R"({"maxBytes":0})").max_entries == 10000);
}

TEST_CASE("options are taken up to their bounds") {
  REQUIRE(Parsed(R"({"maxEntries":1})").max_entries == 1);
  REQUIRE(Parsed(R"({"maxEntries":2147483647})").max_entries == 2147483647);
  REQUIRE(Parsed(R"({"maxEntries":1e3})").max_entries == 1000);
  REQUIRE(Parsed(R"({"maxBytes":9007199254740991})").max_bytes == 9007199254740991);
  REQUIRE(Parsed(R"({"jitter":0})").jitter == 0);
  REQUIRE(Parsed(R"({"jitter":1})").jitter == 1);
  REQUIRE(Parsed(R"({"maxKeyBytes":1})").max_key_bytes == 1);
  REQUIRE(Parsed(R"({"maxKeyBytes":1048576})").max_key_bytes == 1048576);
  REQUIRE(Parsed(R"({"values":"bytes"})").bytes_mode);
  REQUIRE_FALSE(Parsed(R"({"values":"reference","policy":"lru"})").bytes_mode);
}

TEST_CASE("a number out of range is refused, and its option named") {
  for (const char* name : {"maxEntries", "maxBytes", "jitter", "maxKeyBytes"}) {
    for (const char* value : {"-1", "1e300", "-1e300", "9007199254740992", "-0.5"}) {
      const Document fault = Fault("{\"" + std::string(name) + "\":" + value + "}");
      REQUIRE(fault.String("code") == "range");
      REQUIRE(fault.String("path") == "/" + std::string(name));
      REQUIRE(fault.String("message").find(name) != std::string::npos);
    }
  }
  REQUIRE(Fault(R"({"maxEntries":2147483648})").String("code") == "range");
  REQUIRE(Fault(R"({"maxEntries":1.5})").String("code") == "range");
  REQUIRE(Fault(R"({"maxKeyBytes":0})").String("code") == "range");
  REQUIRE(Fault(R"({"maxKeyBytes":1048577})").String("code") == "range");
  REQUIRE(Fault(R"({"jitter":1.0001})").String("code") == "range");
}

TEST_CASE("a value of the wrong type is refused, and its option named") {
  for (const char* name : {"maxEntries", "maxBytes", "jitter", "maxKeyBytes", "policy", "values"}) {
    for (const char* value : {"null", "true", "[]", "{}", "[1]"}) {
      const Document fault = Fault("{\"" + std::string(name) + "\":" + value + "}");
      REQUIRE(fault.String("code") == "type");
      REQUIRE(fault.String("path") == "/" + std::string(name));
    }
  }
  REQUIRE(Fault(R"({"maxEntries":"1"})").String("code") == "type");
  REQUIRE(Fault(R"({"values":1})").String("code") == "type");
}

TEST_CASE("a choice that there is not is refused, with those that there are") {
  const Document values = Fault(R"({"values":"refrence"})");
  REQUIRE(values.String("code") == "range");
  REQUIRE(values.String("message").find("\"reference\"") != std::string::npos);
  REQUIRE(values.String("message").find("\"bytes\"") != std::string::npos);
  REQUIRE(Fault(R"({"policy":"LRU"})").String("path") == "/policy");
  REQUIRE(Fault(R"({"policy":""})").String("code") == "range");
}

TEST_CASE("a cache without any bound is refused") {
  REQUIRE(Fault(R"({"maxEntries":0})").String("code") == "bounds");
  REQUIRE(Fault(R"({"maxEntries":0,"maxBytes":0})").String("code") == "bounds");
}

TEST_CASE("an unknown option is refused with the nearest one that there is") {
  const std::pair<const char*, const char*> cases[] = {
      {"maxEntrys", "maxEntries"}, {"maxentries", "maxEntries"},  {"max_bytes", "maxBytes"},
      {"maxByte", "maxBytes"},     {"value", "values"},           {"polcy", "policy"},
      {"jiter", "jitter"},         {"maxKeyByte", "maxKeyBytes"},
  };
  for (const auto& [given, nearest] : cases) {
    const Document fault = Fault("{\"maxEntries\":5,\"" + std::string(given) + "\":1}");
    REQUIRE(fault.String("code") == "unknown");
    REQUIRE(fault.String("path") == "/" + std::string(given));
    REQUIRE(fault.String("nearest") == nearest);
    REQUIRE(fault.String("message").find(given) != std::string::npos);
  }
  REQUIRE(Fault("{\"" + std::string(100000, 'x') + "\":1}").String("code") == "unknown");
  REQUIRE(Fault(R"({"":1})").String("path") == "/");
}

TEST_CASE("the path of a fault is a JSON pointer whatever the name") {
  REQUIRE(Fault(R"({"a/b~c":1})").String("path") == "/a~1b~0c");
}

TEST_CASE("what is no JSON object is refused") {
  for (const char* text :
       {"", " ", "{", "}", "{\"maxEntries\":}", "{'maxEntries':1}", "{\"maxEntries\":1}x", "nul",
        "{\"maxEntries\":01}", "{\"maxEntries\":NaN}", "\xff", "{\"\xff\":1}", "{\"a\":\"\n\"}"}) {
    REQUIRE(Fault(text).String("code") == "syntax");
  }
  for (const char* text : {"null", "1", "\"{}\"", "[]", "true"})
    REQUIRE(Fault(text).String("code") == "type");
  REQUIRE(Fault(std::string(100000, '[')).String("code") == "syntax");
  REQUIRE(Fault(std::string(10000, '[') + std::string(10000, ']')).String("code") == "type");
}

TEST_CASE("an option that is given twice is refused or the last counts") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":0,"maxEntries":7})");
  if (cache < 0) return;
  REQUIRE(Document(engine.Stats(cache)).Number("maxEntries") == 7);
}

TEST_CASE("options of null are refused") {
  Engine engine;
  REQUIRE(tiercel_cache_open(engine.raw(), nullptr, 0) == kBadArgument);
}

}  // namespace tiercel::test
