#include <set>
#include <string>

#include "catch.h"
#include "document.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":3,"maxBytes":1000,"values":"bytes"})";

Document Stats(Engine& engine, double cache, bool reset = false) {
  return Document(engine.Stats(cache, reset));
}

double Remaining(const Document& stats) { return stats.Number("adds") - stats.Object("removals").Sum(); }

}  // namespace

TEST_CASE("the statistics have the members that the API promises, and no more") {
  Engine engine;
  const Document stats = Stats(engine, engine.Open(kOptions));
  REQUIRE(stats.Names() == std::set<std::string>{"entries",    "bytes",          "maxEntries", "maxBytes",
                                                 "policy",     "hits",           "staleHits",  "misses",
                                                 "sets",       "rejected",       "adds",       "removals",
                                                 "loads",      "overtaken",      "loading",    "pinned",
                                                 "timed",      "pendingReclaim", "scopes",     "barriers",
                                                 "lostEvents", "policyState"});
  REQUIRE(stats.Object("removals").Names() == std::set<std::string>{"explicit", "replaced", "expired", "size",
                                                                    "tag", "clear", "pattern", "dependency"});
  REQUIRE(stats.Object("policyState").Names() ==
          std::set<std::string>{"windowTarget", "window", "protected", "ghosts", "sketchCounters", "memory"});
  REQUIRE(stats.String("policy") == "adaptive");
}

TEST_CASE("each thing that happens is counted once") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  engine.Set(ns, "a", {.ttl = 10, .stale = 10, .tags = {"tag"}}, 0);
  engine.Get(ns, "a", 1);
  engine.Get(ns, "a", 1, TIERCEL_GET_PEEK);
  engine.Get(ns, "a", 1, TIERCEL_GET_STALE);
  engine.Get(ns, "a", 15, TIERCEL_GET_STALE);
  engine.Get(ns, "a", 15);
  engine.Get(cache, "absent", 15);
  engine.Get(cache, "absent", 15, TIERCEL_GET_PEEK);
  engine.Set(ns, "a", {}, 15);
  engine.Set(ns, "large", {.value = std::string(5000, 'v')}, 15);
  const double load = engine.LoadBegin(cache, "b");
  engine.LoadBegin(cache, "b");
  const double overtaken = engine.LoadBegin(cache, "c");
  engine.LoadCommit(load, {}, 15);
  engine.Delete(cache, "c", 15);
  engine.LoadCommit(overtaken, {}, 15);
  engine.LoadBegin(cache, "d");

  const Document stats = Stats(engine, cache);
  REQUIRE(stats.Number("hits") == 2);
  REQUIRE(stats.Number("staleHits") == 1);
  REQUIRE(stats.Number("misses") == 2);
  REQUIRE(stats.Number("sets") == 3);
  REQUIRE(stats.Number("adds") == 3);
  REQUIRE(stats.Number("rejected") == 1);
  REQUIRE(stats.Number("loads") == 3);
  REQUIRE(stats.Number("overtaken") == 1);
  REQUIRE(stats.Number("loading") == 1);
  REQUIRE(stats.Number("entries") == 2);
  REQUIRE(stats.Number("bytes") == engine.Register(TIERCEL_R_BYTES));
  REQUIRE(stats.Number("scopes") == 2);
  REQUIRE(stats.Number("maxEntries") == 3);
  REQUIRE(stats.Number("maxBytes") == 1000);
  REQUIRE(stats.Number("pendingReclaim") == 0);
  REQUIRE(stats.Number("lostEvents") == 0);
}

TEST_CASE("a removal is counted under its cause") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "a", {}, 0), engine.Delete(cache, "a", 0);
  engine.Set(cache, "b", {}, 0), engine.Set(cache, "b", {.ttl = 5}, 0);
  engine.Get(cache, "b", 5);
  for (int i = 0; i < 5; i++) engine.Set(cache, std::to_string(i), {.tags = {"tag"}}, 5);
  engine.Set(cache, "c", {}, 5);
  engine.Invalidate(cache, {"tag"}, 5);
  engine.Clear(cache, 5);
  const Document stats = Stats(engine, cache);
  const Document removals = stats.Object("removals");
  REQUIRE(removals.Number("explicit") == 1);
  REQUIRE(removals.Number("replaced") == 1);
  REQUIRE(removals.Number("expired") == 1);
  REQUIRE(removals.Number("size") == 3);
  REQUIRE(removals.Number("tag") == 2);
  REQUIRE(removals.Number("clear") == 1);
  REQUIRE(Remaining(stats) == 0);
}

TEST_CASE("a reset sets the counters to nothing and leaves what is there") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (int i = 0; i < 5; i++) engine.Set(cache, std::to_string(i), {}, 1);
  engine.Get(cache, "4", 1);
  engine.Get(cache, "absent", 1);
  engine.LoadBegin(cache, "key");
  REQUIRE(Stats(engine, cache, true).Number("hits") == 1);
  const Document stats = Stats(engine, cache);
  for (const char* name :
       {"hits", "staleHits", "misses", "sets", "rejected", "loads", "overtaken", "lostEvents"}) {
    REQUIRE(stats.Number(name) == 0);
  }
  REQUIRE(stats.Object("removals").Sum() == 0);
  REQUIRE(stats.Number("entries") == 3);
  REQUIRE(stats.Number("loading") == 1);
  REQUIRE(Remaining(stats) == 3);
  engine.Delete(cache, "4", 1);
  const Document after = Stats(engine, cache);
  REQUIRE(Remaining(after) == 2);
}

}  // namespace tiercel::test
