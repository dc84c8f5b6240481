#include <string>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Accounted beside key and value: for each entry, and for each namespace but the root and each tag it has.
constexpr double kEntryCost = 96;
constexpr double kScopeCost = 24;

}  // namespace

TEST_CASE("a cache without options holds 10000 entries") {
  Engine engine;
  const double cache = engine.Open("{}");
  for (int i = 0; i < 10100; i++) {
    REQUIRE(engine.Set(cache, std::to_string(i), {}, 1) >= 0);
    REQUIRE(engine.Register(TIERCEL_R_ENTRIES) <= 10000);
    engine.RemovalsClear(cache);
  }
  REQUIRE(engine.Size(cache) == 10000);
}

TEST_CASE("a bound on bytes alone leaves the number of entries free") {
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":4000000,"values":"bytes"})");
  for (int i = 0; i < 20000; i++) REQUIRE(engine.Set(cache, std::to_string(i), {}, 1) >= 0);
  REQUIRE(engine.Size(cache) == 20000);
}

TEST_CASE("bytes are those of key, value, entry and scopes") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":100,"values":"bytes"})");
  const double ns = engine.Namespace(engine.Namespace(cache, "a"), "b");
  engine.Set(cache, "key", {.value = std::string(50, 'v')}, 1);
  double bytes = kEntryCost + 3 + 50;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(cache, Text(u"k\u0100"), {.value = ""}, 1);
  bytes += kEntryCost + 4;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(ns, "key", {.value = "v", .tags = {"one", "two"}}, 1);
  bytes += kEntryCost + 3 + 1 + 4 * kScopeCost;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(ns, "key", {.value = "value"}, 1);
  bytes += 4 - 2 * kScopeCost;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Clear(cache, 1);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 0);
}

TEST_CASE("a weight is taken in whole bytes, rounded up") {
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":9007199254740991})");
  engine.Set(cache, "a", {.weight = 0.25}, 1);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == kEntryCost + 1 + 1);
  engine.Set(cache, "a", {.weight = 0}, 1);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == kEntryCost + 1);
  REQUIRE(engine.Set(cache, "a", {.weight = 9007199254740991.0}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Set(cache, "a", {.weight = 9007199254740991.0 - kEntryCost - 1}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 9007199254740991.0);
}

TEST_CASE("an entry that alone is over the budget is rejected and evicts nothing but its older value") {
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":1000,"values":"bytes"})");
  engine.Set(cache, "other", {.value = "kept"}, 1);
  engine.Set(cache, "key", {.value = "old"}, 1);
  const std::string fits(static_cast<size_t>(1000 - kEntryCost - 3), 'v');
  REQUIRE(engine.Set(cache, "key", {.value = fits + "v"}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Get(cache, "key", 1) == TIERCEL_MISS);
  REQUIRE(Read(engine, cache, "other", 1) == "kept");
  REQUIRE(engine.Set(cache, "key", {.value = fits}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 1000);
  REQUIRE(engine.Get(cache, "other", 1) == TIERCEL_MISS);
}

TEST_CASE("entries and bytes are within their bounds after each set") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":50,"maxBytes":10000,"values":"bytes"})");
  Random random(1);
  for (int i = 0; i < 20000; i++) {
    const std::string key = std::to_string(random.Below(200));
    const std::string value(random.Below(random.Below(20) == 0 ? 9000 : 300), 'v');
    REQUIRE(engine.Set(cache, key, {.value = value}, 1) >= 0);
    REQUIRE(engine.Register(TIERCEL_R_ENTRIES) <= 50);
    REQUIRE(engine.Register(TIERCEL_R_BYTES) <= 10000);
    REQUIRE(Read(engine, cache, key, 1) == value);
  }
}

TEST_CASE("a replaced value may grow to the whole budget") {
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":1000000,"values":"bytes"})");
  for (int i = 0; i < 10000; i++) engine.Set(cache, std::to_string(i), {}, 1);
  const std::string value(static_cast<size_t>(1000000 - kEntryCost - 1), 'v');
  REQUIRE(engine.Set(cache, "0", {.value = value}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 1000000);
  REQUIRE(Read(engine, cache, "0", 1) == value);
  REQUIRE(engine.Size(cache) == 1);
}

TEST_CASE("lower bounds evict at most a slice in one call, and later calls go on") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":20000,"values":"bytes"})");
  for (int i = 0; i < 20000; i++) engine.Set(cache, std::to_string(i), {}, 1);
  REQUIRE(engine.Resize(cache, 100, -1) == TIERCEL_OK);
  double before = engine.Register(TIERCEL_R_ENTRIES);
  REQUIRE(before >= 20000 - 4096);
  for (int i = 0; before > 100; i++) {
    REQUIRE(i < 20000);
    REQUIRE(engine.Set(cache, "key", {}, 1) >= 0);
    REQUIRE(engine.Register(TIERCEL_R_ENTRIES) < before);
    before = engine.Register(TIERCEL_R_ENTRIES);
  }
  REQUIRE(engine.Get(cache, "key", 1) >= 0);
}

TEST_CASE("bounds may be raised, lifted and changed one by one") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":2,"values":"bytes"})");
  const auto fill = [&](int count) {
    for (int i = 0; i < count; i++) engine.Set(cache, std::to_string(i), {}, 1);
    return engine.Size(cache);
  };
  REQUIRE(fill(5) == 2);
  REQUIRE(engine.Resize(cache, 4, -1) == TIERCEL_OK);
  REQUIRE(fill(5) == 4);
  REQUIRE(engine.Resize(cache, 0, 5 * (kEntryCost + 2)) == TIERCEL_OK);
  REQUIRE(fill(10) == 5);
  REQUIRE(engine.Resize(cache, 3, -1) == TIERCEL_OK);
  REQUIRE(engine.Size(cache) == 3);
  REQUIRE(engine.Resize(cache, -1, 0) == TIERCEL_OK);
  REQUIRE(fill(10) == 3);
  REQUIRE(engine.Resize(cache, 0, -1) == TIERCEL_BAD_ARGUMENT);
  REQUIRE(fill(10) == 3);
}

TEST_CASE("a value in bytes mode is a copy, whatever its bytes and size") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":0,"maxBytes":100000000,"values":"bytes"})");
  Random random(1);
  for (const size_t size : {0, 1, 7, 8, 255, 4096, 65537, 5000000}) {
    std::string value(size, '\0');
    for (char& byte : value) byte = static_cast<char>(random.Next());
    const std::string expected = value;
    const int32_t slot = engine.Set(cache, std::to_string(size), {.value = value, .format = 0xffffffff}, 1);
    REQUIRE(slot >= 0);
    REQUIRE(Read(engine, cache, std::to_string(size), 1) == expected);
    REQUIRE(engine.Register(TIERCEL_R_FORMAT) == 0xffffffff);
    REQUIRE(engine.Value(cache, slot) == TIERCEL_OK);
    REQUIRE(engine.ValueBytes() == expected);
  }
}

TEST_CASE("a cache in reference mode has no values") {
  Engine engine;
  const double cache = engine.Open("{}");
  const int32_t slot = engine.Set(cache, "key", {}, 1);
  REQUIRE(engine.Value(cache, slot) == TIERCEL_BAD_ARGUMENT);
}

}  // namespace tiercel::test
