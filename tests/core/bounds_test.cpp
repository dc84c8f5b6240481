#include <string>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Accounted beside the value: for each entry, for its value's block in bytes mode, for having a ttl or any
// scope, and for each namespace but the root and each tag it has.
constexpr double kReferenceCost = 80;
constexpr double kEntryCost = kReferenceCost + 16;
constexpr double kExtraCost = 12;
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
  double bytes = kEntryCost + 50;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(cache, Text(u"k\u0100"), {.value = ""}, 1);
  bytes += kEntryCost;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(cache, std::string(32, 'k'), {.value = ""}, 1);
  bytes += kEntryCost;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(cache, std::string(33, 'k'), {.value = ""}, 1);
  bytes += kEntryCost + 33 + 16;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(cache, "ttl", {.value = "", .ttl = 9}, 1);
  bytes += kEntryCost + kExtraCost;
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == bytes);
  engine.Set(ns, "key", {.value = "v", .tags = {"one", "two"}}, 1);
  bytes += kEntryCost + kExtraCost + 1 + 4 * kScopeCost;
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
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == kReferenceCost + 1);
  engine.Set(cache, "a", {.weight = 0}, 1);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == kReferenceCost);
  REQUIRE(engine.Set(cache, "a", {.weight = 9007199254740991.0}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Set(cache, "a", {.weight = 9007199254740991.0 - kReferenceCost}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 9007199254740991.0);
}

TEST_CASE("an entry that alone is over the budget is rejected and evicts nothing but its older value") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000,"values":"bytes"})");
  engine.Set(cache, "other", {.value = "kept"}, 1);
  engine.Set(cache, "key", {.value = "old"}, 1);
  const std::string fits(static_cast<size_t>(1000 - kEntryCost), 'v');
  REQUIRE(engine.Set(cache, "key", {.value = fits + "v"}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Get(cache, "key", 1) == TIERCEL_MISS);
  REQUIRE(Read(engine, cache, "other", 1) == "kept");
  REQUIRE(engine.Set(cache, "key", {.value = fits}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 1000);
  REQUIRE(engine.Get(cache, "other", 1) == TIERCEL_MISS);
}

TEST_CASE("entries and bytes are within their bounds after each set") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":50,"maxBytes":10000,"values":"bytes"})");
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
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000000,"values":"bytes"})");
  for (int i = 0; i < 10000; i++) engine.Set(cache, std::to_string(i), {}, 1);
  const std::string value(static_cast<size_t>(1000000 - kEntryCost), 'v');
  REQUIRE(engine.Set(cache, "0", {.value = value}, 1) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 1000000);
  REQUIRE(Read(engine, cache, "0", 1) == value);
  REQUIRE(engine.Size(cache) == 1);
}

TEST_CASE("lower bounds evict at most a slice in one call, and later calls go on") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":20000,"values":"bytes"})");
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
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":2,"values":"bytes"})");
  const auto fill = [&](int count) {
    for (int i = 0; i < count; i++) engine.Set(cache, std::to_string(i), {}, 1);
    return engine.Size(cache);
  };
  REQUIRE(fill(5) == 2);
  REQUIRE(engine.Resize(cache, 4, -1) == TIERCEL_OK);
  REQUIRE(fill(5) == 4);
  REQUIRE(engine.Resize(cache, 0, 5 * (kEntryCost + 1)) == TIERCEL_OK);
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
    const int32_t slot = engine.Set(cache, std::to_string(size), {.value = value, .format = 7}, 1);
    REQUIRE(slot >= 0);
    REQUIRE(Read(engine, cache, std::to_string(size), 1) == expected);
    REQUIRE(engine.Register(TIERCEL_R_FORMAT) == 7);
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

TEST_CASE("what a call returns is not evicted by it, though the bounds were lowered") {
  for (const char* policy : {"adaptive", "lru", "sieve", "s3fifo"}) {
    Engine engine;
    const double cache =
        engine.Open(std::string(R"({"maxEntries":9000,"values":"bytes","policy":")") + policy + "\"}");
    for (int i = 0; i < 9000; i++) engine.Set(cache, std::to_string(i), {}, 1);
    REQUIRE(engine.Resize(cache, 100, -1) == TIERCEL_OK);
    for (int i = 0; engine.Size(cache) > 100; i++) {
      INFO(policy << ", call " << i);
      REQUIRE(i < 9000);
      const std::string key = "new " + std::to_string(i);
      const int32_t slot = engine.Set(cache, key, {}, 1);
      REQUIRE(slot >= 0);
      REQUIRE(engine.Get(cache, key, 1, TIERCEL_GET_PEEK) == slot);
      const int32_t touched = engine.Touch(cache, key, 10, 1);
      REQUIRE(touched == slot);
      REQUIRE(engine.Get(cache, key, 1, TIERCEL_GET_PEEK) == slot);
    }
  }
}

TEST_CASE("what an entry gets later has to find room as well") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000,"values":"bytes"})");
  for (int i = 0; i < 10; i++) engine.Set(cache, std::to_string(i), {.value = "abcd"}, 1);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 1000);

  const int32_t slot = engine.Get(cache, "0", 1, TIERCEL_GET_PEEK);
  REQUIRE(engine.Touch(cache, "0", 5, 1) == slot);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 900 + kExtraCost);
  REQUIRE(engine.AddTags(cache, "0", {"one", "two", "three", "four"}, 1) == slot);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 900 - 100 + kExtraCost + 4 * kScopeCost);
  REQUIRE(engine.Get(cache, "0", 1, TIERCEL_GET_PEEK) == slot);
}

TEST_CASE("an entry that has no room any more, beside what is pinned, is removed") {
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":1000,"values":"bytes"})");
  engine.Set(cache, "pinned", {.value = std::string(700, 'v'), .pinned = true}, 1);
  engine.Set(cache, "touched", {.value = std::string(100, 'v')}, 1);
  REQUIRE(engine.Touch(cache, "touched", 5, 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "touched", 1) == TIERCEL_MISS);
  engine.Set(cache, "tagged", {.value = std::string(100, 'v')}, 1);
  REQUIRE(engine.AddTags(cache, "tagged", {"tag"}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Get(cache, "tagged", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "pinned", 1) >= 0);
}

TEST_CASE("an S3-FIFO cache finds a victim beside the entry that was just updated") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"s3fifo","maxBytes":20000,"values":"bytes"})");
  const auto set = [&](const char* key, size_t bytes, bool pinned = false) {
    REQUIRE(engine.Set(cache, key, {.value = std::string(bytes, 'v'), .pinned = pinned}, 1) >= 0);
  };
  set("main", 10000);
  set("small", 100);
  for (int i = 0; i < 3; i++) engine.Get(cache, "main", 1);
  set("pushes it there", 9000);
  engine.Delete(cache, "pushes it there", 1);
  set("next", 100);
  set("main", 10000);
  set("pinned", 9900, true);
  REQUIRE(engine.Get(cache, "pinned", 1) >= 0);
}

}  // namespace tiercel::test
