// The promise that the core exists for: what was fetched before an invalidation is never served after it.
#include <functional>
#include <vector>

#include "catch.h"
#include "document.h"
#include "engine.h"
#include "per_call.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":100,"values":"bytes"})";

}  // namespace

TEST_CASE("a load that began before an invalidation is not served") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double outer = engine.Namespace(cache, "outer");
  const double ns = engine.Namespace(outer, "inner");
  const std::vector<std::function<void()>> invalidations = {
      [&] { engine.Delete(ns, "key", 1); },
      [&] { engine.Set(ns, "key", {.value = "new"}, 1), engine.Delete(ns, "key", 1); },
      [&] { engine.Clear(ns, 1); },
      [&] { engine.Clear(outer, 1); },
      [&] { engine.Clear(cache, 1); },
      [&] { engine.Invalidate(ns, {"tag"}, 1); },
      [&] {
        engine.Invalidate(ns, {"unknown", "tag"}, 1);
      },
  };
  for (const bool was_there : {false, true}) {
    for (const auto& invalidate : invalidations) {
      if (was_there) engine.Set(ns, "key", {.value = "old", .tags = {"tag"}}, 1);
      const double load = engine.LoadBegin(ns, "key");
      invalidate();
      REQUIRE(engine.LoadCommit(load, {.value = "fetched", .tags = {"tag"}}, 1) == TIERCEL_OVERTAKEN);
      REQUIRE(engine.Get(ns, "key", 1, TIERCEL_GET_STALE) == TIERCEL_MISS);
      REQUIRE(engine.LoadEnd(load) == TIERCEL_BAD_HANDLE);
    }
  }
}

TEST_CASE("a load overtaken by a newer value leaves that value") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.Set(cache, "key", {.value = "newer"}, 1);
  REQUIRE(engine.LoadCommit(load, {.value = "fetched"}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(Read(engine, cache, "key", 1) == "newer");
}

TEST_CASE("a load that nothing overtook is stored") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  const double sibling = engine.Namespace(cache, "m");
  const double below = engine.Namespace(ns, "below");
  const double load = engine.LoadBegin(ns, "key");
  engine.Set(ns, "other", {.tags = {"tag"}}, 1);
  engine.Delete(ns, "other", 1);
  engine.Set(cache, "key", {}, 1);
  engine.Delete(sibling, "key", 1);
  engine.Clear(sibling, 1);
  engine.Clear(below, 1);
  engine.Invalidate(ns, {"another"}, 1);
  engine.Invalidate(cache, {"tag"}, 1);
  engine.Get(ns, "key", 1);
  engine.Touch(ns, "key", 5, 1);
  REQUIRE(engine.LoadCommit(load, {.value = "fetched", .tags = {"tag"}}, 1) >= 0);
  REQUIRE(Read(engine, ns, "key", 1) == "fetched");
  REQUIRE(engine.Invalidate(ns, {"tag"}, 1) == 1);
}

TEST_CASE("what was fetched before an invalidation of its tag stays out however late it comes") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.Invalidate(cache, {"tag"}, 1);
  // The tag comes into use and goes again: its stamp must be remembered for the load in flight.
  engine.Set(cache, "other", {.tags = {"tag"}}, 1);
  engine.Delete(cache, "other", 1);
  for (int i = 0; i < 100; i++) engine.LoadEnd(engine.LoadBegin(cache, std::to_string(i)));
  REQUIRE(engine.LoadCommit(load, {.tags = {"tag"}}, 1) == TIERCEL_OVERTAKEN);
}

// More than are remembered at a time.
constexpr int kManyCovers = 20;

TEST_CASE("any number of prefixes and patterns leave the loads that they do not cover") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  const double other = engine.LoadBegin(ns, "other");
  const double elsewhere = engine.LoadBegin(cache, "key 3 elsewhere");
  const double depends = engine.LoadBegin(ns, "heir");
  REQUIRE(engine.LoadTags(depends, {}, {"independent"}) == TIERCEL_OK);
  std::vector<double> covered;
  for (int i = 0; i < kManyCovers; i++) {
    const std::string key = "key " + std::to_string(i);
    const double load = engine.LoadBegin(ns, key + " of it");
    covered.push_back(load);
    const double heir = engine.LoadBegin(ns, "heir of " + std::to_string(i));
    REQUIRE(engine.LoadTags(heir, {}, {key + " of it"}) == TIERCEL_OK);
    covered.push_back(heir);
  }
  engine.InvalidatePrefix(ns, "after", 1);
  const double after = engine.LoadBegin(ns, "after that");
  for (int i = 0; i < kManyCovers; i++) {
    const std::string key = "key " + std::to_string(i);
    if (i % 2 == 0) engine.InvalidatePrefix(ns, key + " ", 1);
    if (i % 2 != 0) engine.InvalidatePattern(ns, "*" + key.substr(1) + " *", 1);
  }
  REQUIRE(engine.LoadCommit(after, {}, 1) >= 0);
  REQUIRE(engine.LoadBegin(ns, "other") == other);
  for (const double load : covered) REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.LoadCommit(other, {}, 1) >= 0);
  REQUIRE(engine.LoadCommit(elsewhere, {}, 1) >= 0);
  REQUIRE(engine.LoadCommit(depends, {.depends_on = {"independent"}}, 1) >= 0);
}

TEST_CASE("a key that is noted for a load after it was covered counts, though the pattern is forgotten") {
  for (const bool at_the_end : {false, true}) {
    Engine engine;
    const double cache = engine.Open(kOptions);
    const double load = engine.LoadBegin(cache, "heir");
    engine.InvalidatePattern(cache, "*source*", 1);
    for (int i = 0; i < kManyCovers; i++) engine.InvalidatePattern(cache, std::to_string(i) + "*", 1);
    if (!at_the_end) REQUIRE(engine.LoadTags(load, {}, {"a source"}) == TIERCEL_OK);
    REQUIRE(engine.LoadCommit(load, {.depends_on = {"a source"}}, 1) == TIERCEL_OVERTAKEN);
  }
}

TEST_CASE("of more loads than are told apart none is stored once a pattern is forgotten") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  std::vector<double> loads;
  for (uint32_t i = 0; i <= PerCall().loads; i++) loads.push_back(engine.LoadBegin(cache, std::to_string(i)));
  for (int i = 0; i < kManyCovers; i++)
    engine.InvalidatePattern(cache, "other " + std::to_string(i) + "*", 1);
  for (const double load : loads) REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("a prefix makes room among its kind, and the others stay") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.InvalidatePrefix(cache, "hashed:", 1);
  for (int i = 0; i < kManyCovers; i++) engine.InvalidatePrefix(cache, std::to_string(i), 1);
  REQUIRE(Document(engine.Stats(cache)).Number("barriers") == 9);
  for (int i = 0; i < 4200; i++) engine.InvalidatePrefix(cache, std::to_string(i) + ":", 1);
  REQUIRE(Document(engine.Stats(cache)).Number("barriers") == 4096 + 8);
  REQUIRE(engine.LoadCommit(load, {.depends_on = {"unknown"}}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("a value set after an invalidation in the same millisecond stays") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  for (int i = 0; i < 10000; i++) {
    const std::string value = std::to_string(i);
    switch (i % 3) {
      case 0:
        engine.Invalidate(ns, {"tag"}, 7);
        break;
      case 1:
        engine.Clear(ns, 7);
        break;
      default:
        engine.Clear(cache, 7);
        break;
    }
    REQUIRE(engine.Set(ns, "key", {.value = value, .tags = {"tag"}}, 7) >= 0);
    REQUIRE(Read(engine, ns, "key", 7) == value);
  }
}

TEST_CASE("a load joins one that is in flight, not one that was overtaken") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  const double first = engine.LoadBegin(ns, "key");
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);
  REQUIRE(engine.LoadBegin(ns, "key") == first);
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 1);
  REQUIRE(engine.LoadBegin(cache, "key") != first);
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);

  const std::vector<std::function<void()>> invalidations = {
      [&] { engine.Delete(ns, "key", 1); },
      [&] { engine.Set(ns, "key", {}, 1); },
      [&] { engine.Clear(ns, 1); },
      [&] { engine.Clear(cache, 1); },
  };
  double load = first;
  for (const auto& invalidate : invalidations) {
    invalidate();
    const double next = engine.LoadBegin(ns, "key");
    REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);
    REQUIRE(next != load);
    REQUIRE(engine.LoadCommit(load, {.value = "late"}, 1) == TIERCEL_OVERTAKEN);
    load = next;
  }
  REQUIRE(engine.LoadCommit(load, {.value = "last"}, 1) >= 0);
  REQUIRE(Read(engine, ns, "key", 1) == "last");
}

TEST_CASE("a caller that joins a load is told whether more than single keys was invalidated since it began") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  REQUIRE(engine.Register(TIERCEL_R_UNTOUCHED) == 1);
  engine.Delete(cache, "other", 1);
  engine.Set(cache, "another", {}, 1);
  engine.LoadBegin(cache, "key");
  REQUIRE(engine.Register(TIERCEL_R_UNTOUCHED) == 1);
  engine.Invalidate(cache, {"tag"}, 1);
  REQUIRE(engine.LoadBegin(cache, "key") == load);
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 1);
  REQUIRE(engine.Register(TIERCEL_R_UNTOUCHED) == 0);
}

TEST_CASE("a load is not joined once a tag that was noted for it is invalidated") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadTags(load, {"tag", "other"}) == TIERCEL_OK);
  engine.Invalidate(cache, {"unrelated"}, 1);
  REQUIRE(engine.LoadBegin(cache, "key") == load);
  engine.Invalidate(cache, {"tag"}, 1);
  const double next = engine.LoadBegin(cache, "key");
  REQUIRE(next != load);
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);
  REQUIRE(engine.LoadCommit(load, {.value = "late"}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.LoadCommit(next, {.value = "new", .tags = {"tag"}}, 1) >= 0);
  REQUIRE(Read(engine, cache, "key", 1) == "new");
}

TEST_CASE("a tag noted after its invalidation counts as well") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.Invalidate(cache, {"tag"}, 1);
  REQUIRE(engine.LoadTags(load, {"tag"}) == TIERCEL_OK);
  REQUIRE(engine.LoadBegin(cache, "key") != load);
  REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("tags that are noted in part are not noted at all") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  std::vector<Text> tags;
  for (int i = 0; i <= TIERCEL_MAX_TAGS; i++) tags.push_back(std::to_string(i));
  const double load = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadTags(load, tags) == TIERCEL_LIMIT);
  REQUIRE(engine.LoadTags(load, {"a", std::string(2000, 't')}) == TIERCEL_KEY_TOO_LONG);
  engine.Invalidate(cache, {"0", "a"}, 1);
  REQUIRE(engine.LoadCommit(load, {}, 1) >= 0);
}

TEST_CASE("a load can be checked without being stored") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadCommit(load, {}, 1, false) == TIERCEL_OK);
  REQUIRE(engine.LoadEnd(load) == TIERCEL_BAD_HANDLE);
  const double overtaken = engine.LoadBegin(cache, "key");
  engine.Invalidate(cache, {"tag"}, 1);
  REQUIRE(engine.LoadCommit(overtaken, {.tags = {"tag"}}, 1, false) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.Size(cache) == 0);
}

TEST_CASE("a load that is given up leaves the key to the next") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double first = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadEnd(first) == TIERCEL_OK);
  const double second = engine.LoadBegin(cache, "key");
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);
  REQUIRE(second != first);
  REQUIRE(engine.LoadCommit(second, {}, 1) >= 0);
}

TEST_CASE("a load that is over the budget takes the older value of its key with it") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000,"values":"bytes"})");
  engine.Set(cache, "key", {.value = "old"}, 1);
  const double load = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadCommit(load, {.value = std::string(2000, 'v')}, 1) == TIERCEL_REJECTED);
  REQUIRE(engine.Get(cache, "key", 1) == TIERCEL_MISS);
  REQUIRE(engine.LoadEnd(load) == TIERCEL_BAD_HANDLE);
}

TEST_CASE("a flood of invalidations of unknown tags costs misses, not memory and not staleness") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.Invalidate(cache, {"the tag"}, 1);
  for (int i = 0; i < 20000; i++) engine.Invalidate(cache, {"unknown " + std::to_string(i)}, 1);
  REQUIRE(Document(engine.Stats(cache)).Number("scopes") < 5000);
  REQUIRE(engine.LoadCommit(load, {.tags = {"the tag"}}, 1) == TIERCEL_OVERTAKEN);
  // What begins now is stored again.
  const double next = engine.LoadBegin(cache, "key");
  REQUIRE(engine.LoadCommit(next, {.tags = {"the tag"}}, 1) >= 0);
}

TEST_CASE("without a load in flight no unknown tag is remembered") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 100; i++) REQUIRE(engine.Invalidate(cache, {"unknown " + std::to_string(i)}, 1) == 0);
  REQUIRE(Document(engine.Stats(cache)).Number("scopes") == 1);
}

TEST_CASE("a dependency that changed before it was noted overtakes the load all the same") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.Delete(cache, "other", 1);
  REQUIRE(engine.LoadTags(load, {}, {"other"}) == TIERCEL_OK);
  REQUIRE(engine.LoadBegin(cache, "key") != load);
  REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("what a dependency was tagged with overtakes a load though it was evicted before") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":2})");
  engine.Set(cache, "other", {.tags = {"tag"}}, 1);
  const double load = engine.LoadBegin(cache, "key");
  for (const char* key : {"a", "b"}) engine.Set(cache, key, {}, 1);
  REQUIRE(engine.Get(cache, "other", 1) == TIERCEL_MISS);
  REQUIRE(engine.Invalidate(cache, {"tag"}, 1) == 0);
  REQUIRE(engine.LoadCommit(load, {.depends_on = {"other"}}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("a pattern overtakes a load though more patterns came than are remembered") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "key");
  engine.InvalidatePattern(cache, "k*", 1);
  for (int i = 0; i < 20; i++) engine.InvalidatePattern(cache, "other " + std::to_string(i) + "*", 1);
  REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
}

}  // namespace tiercel::test
