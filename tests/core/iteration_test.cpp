#include <map>
#include <set>
#include <string>

#include "catch.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":0,"maxBytes":1000000000,"values":"bytes"})";

// All that an iteration meets, by key; `between` runs before each step.
template <typename Between>
std::multimap<std::string, std::string> Walk(Engine& engine, double ns, double now, Between between) {
  std::multimap<std::string, std::string> met;
  const double iteration = engine.Iterate(ns);
  for (int32_t slot = -1; between(), (slot = engine.Next(ns, slot, iteration, now)) >= 0;) {
    met.emplace(engine.Key().bytes, engine.ValueBytes());
  }
  return met;
}

std::multimap<std::string, std::string> Walk(Engine& engine, double ns, double now = 1) {
  return Walk(engine, ns, now, [] {});
}

}  // namespace

TEST_CASE("an iteration meets the entries of its namespace, and of no other") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  engine.Set(cache, "root", {.value = "1"}, 1);
  engine.Set(ns, "a", {.value = "2"}, 1);
  engine.Set(ns, "b", {.value = "3"}, 1);
  engine.Set(engine.Namespace(ns, "below"), "c", {}, 1);
  REQUIRE(Walk(engine, ns) == std::multimap<std::string, std::string>{{"a", "2"}, {"b", "3"}});
  REQUIRE(Walk(engine, cache) == std::multimap<std::string, std::string>{{"root", "1"}});
  REQUIRE(Walk(engine, engine.Namespace(cache, "empty")).empty());
}

TEST_CASE("an iteration meets stale entries, flagged, and none that is over") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "fresh", {.ttl = 100}, 0);
  engine.Set(cache, "stale", {.ttl = 10, .stale = 100}, 0);
  engine.Set(cache, "expired", {.ttl = 10}, 0);
  const double iteration = engine.Iterate(cache);
  std::map<std::string, double> ttls;
  for (int32_t slot = -1; (slot = engine.Next(cache, slot, iteration, 50)) >= 0;) {
    REQUIRE(engine.Register(TIERCEL_R_IS_STALE) == (engine.Register(TIERCEL_R_TTL) < 0 ? 1 : 0));
    ttls[engine.Key().bytes] = engine.Register(TIERCEL_R_TTL);
  }
  REQUIRE(ttls == std::map<std::string, double>{{"fresh", 50}, {"stale", -40}});
}

TEST_CASE("an iteration ends though entries are added at each step") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 10; i++) engine.Set(cache, std::to_string(i), {}, 1);
  int added = 0;
  const auto met = Walk(engine, cache, 1, [&] {
    engine.Set(cache, "new " + std::to_string(added++), {}, 1);
    if (added > 1000) FAIL("the iteration goes on");
  });
  REQUIRE(met.size() == 10);
}

TEST_CASE("an entry deleted before it was met is not met, nor is its successor in the slot") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 10; i++) engine.Set(cache, std::to_string(i), {}, 1);
  bool changed = false;
  const auto met = Walk(engine, cache, 1, [&] {
    if (changed) return;
    changed = true;
    engine.Delete(cache, "7", 1);
    engine.Set(cache, "successor", {}, 1);
  });
  REQUIRE(met.size() == 9);
  REQUIRE(met.count("7") == 0);
  REQUIRE(met.count("successor") == 0);
}

TEST_CASE("an entry that was deleted and set again is not met twice") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 50; i++) engine.Set(cache, std::to_string(i), {}, 1);
  int step = 0;
  const auto met = Walk(engine, cache, 1, [&] {
    const std::string key = std::to_string(step++ * 7 % 50);
    engine.Delete(cache, key, 1);
    engine.Delete(cache, std::to_string(step * 3 % 50), 1);
    engine.Set(cache, key, {}, 1);
  });
  for (const auto& [key, value] : met) REQUIRE(met.count(key) == 1);
}

TEST_CASE("an entry that is evicted and restored during an iteration has not stayed, and is not met") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":2,"values":"bytes"})");
  engine.Set(cache, "evicted", {}, 1);
  REQUIRE(engine.SnapshotBegin(cache, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.SnapshotNext(cache, -1, 1) >= 0);
  const std::string snapshot = engine.SnapshotEnd(cache);
  engine.Set(cache, "stays", {}, 1);
  bool changed = false;
  const auto met = Walk(engine, cache, 1, [&] {
    if (changed) return;
    changed = true;
    engine.Get(cache, "stays", 1);
    engine.Set(cache, "new", {}, 1);
    REQUIRE(engine.Delete(cache, "new", 1) == 1);
    REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
    REQUIRE(engine.RestoreNext(cache, 1) >= 0);
  });
  REQUIRE(met.count("stays") == 1);
  REQUIRE(met.size() == 1);
}

TEST_CASE("an entry that comes from a load during an iteration is not met") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double load = engine.LoadBegin(cache, "loaded");
  engine.Set(cache, "key", {}, 1);
  bool committed = false;
  const auto met = Walk(engine, cache, 1, [&] {
    if (!committed) engine.LoadCommit(load, {}, 1);
    committed = true;
  });
  REQUIRE(met.size() == 1);
}

TEST_CASE("an iteration goes on through a clear and a new seed") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 20; i++) engine.Set(cache, std::to_string(i), {}, 1);
  int step = 0;
  const uint8_t seed[TIERCEL_SEED_BYTES] = {1, 2, 3};
  REQUIRE(Walk(engine, cache, 1, [&] {
            if (step++ == 5) engine.Seed(cache, seed);
          }).size() == 20);
  step = 0;
  REQUIRE(Walk(engine, cache, 1, [&] {
            if (step++ == 5) engine.Clear(cache, 1);
          }).size() == 5);
}

TEST_CASE("an iteration does not count as use") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":2,"values":"bytes"})");
  engine.Set(cache, "old", {}, 1);
  engine.Set(cache, "new", {}, 1);
  Walk(engine, cache);
  engine.Get(cache, "new", 1);
  engine.Set(cache, "newest", {}, 1);
  REQUIRE(engine.Get(cache, "old", 1) == TIERCEL_MISS);
}

TEST_CASE("an entry is met however many iterations it has been there") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "old", {}, 1);
  for (int i = 0; i < 1000; i++) {
    INFO("iteration " << i);
    engine.Set(cache, "new", {}, 1);
    const double iteration = engine.Iterate(cache);
    const int32_t slot = engine.Next(cache, -1, iteration, 1);
    REQUIRE(slot >= 0);
    REQUIRE(engine.Key().bytes == "old");
    engine.Delete(cache, "new", 1);
  }
}

}  // namespace tiercel::test
