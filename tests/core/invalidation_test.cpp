// Namespaces and tags: what is invalidated is gone at once, counted, and its space reclaimed in slices.
#include <string>

#include "catch.h"
#include "document.h"
#include "engine.h"
#include "per_call.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":0,"maxBytes":1000000000,"values":"bytes"})";
// Scopes of at most this many entries are reclaimed within the call.
constexpr int kAtOnce = 4096;

void Fill(Engine& engine, double ns, int count, const std::vector<Text>& tags = {}) {
  for (int i = 0; i < count; i++) engine.Set(ns, std::to_string(i), {.tags = tags}, 1);
}

int CountServed(Engine& engine, double ns, int count) {
  int served = 0;
  for (int i = 0; i < count; i++) {
    if (engine.Get(ns, std::to_string(i), 1, TIERCEL_GET_PEEK | TIERCEL_GET_STALE) >= 0) served++;
  }
  return served;
}

}  // namespace

TEST_CASE("a tag takes all entries that have it, and no others") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "a", {.tags = {"red", "large"}}, 1);
  engine.Set(cache, "b", {.tags = {"red"}}, 1);
  engine.Set(cache, "c", {.tags = {"blue", "large"}}, 1);
  engine.Set(cache, "d", {}, 1);
  REQUIRE(engine.Invalidate(cache, {"red"}, 1) == 2);
  REQUIRE(engine.Get(cache, "a", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "b", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "c", 1) >= 0);
  REQUIRE(engine.Get(cache, "d", 1) >= 0);
  REQUIRE(engine.Invalidate(cache, {"red"}, 1) == 0);
}

TEST_CASE("an entry with several of the tags is counted once") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "a", {.tags = {"red", "large"}}, 1);
  engine.Set(cache, "b", {.tags = {"large"}}, 1);
  REQUIRE(engine.Invalidate(cache, {"red", "large", "red", "unknown"}, 1) == 2);
}

TEST_CASE("a tag belongs to the namespace it was set through") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  engine.Set(cache, "key", {.tags = {"tag"}}, 1);
  engine.Set(ns, "key", {.tags = {"tag"}}, 1);
  REQUIRE(engine.Invalidate(cache, {"tag"}, 1) == 1);
  REQUIRE(engine.Get(cache, "key", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(ns, "key", 1) >= 0);
  REQUIRE(engine.Invalidate(ns, {"tag"}, 1) == 1);
}

TEST_CASE("a tag and a namespace of the same name are two") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "name");
  engine.Set(ns, "key", {}, 1);
  engine.Set(cache, "name", {.tags = {"other"}}, 1);
  REQUIRE(engine.Invalidate(cache, {"name"}, 1) == 0);
  engine.Set(cache, "tagged", {.tags = {"name"}}, 1);
  REQUIRE(engine.Clear(ns, 1) == 1);
  REQUIRE(engine.Get(cache, "tagged", 1) >= 0);
}

TEST_CASE("a new value of a key has the new tags only") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.tags = {"old"}}, 1);
  const int32_t slot = engine.Set(cache, "key", {.tags = {"new"}}, 1);
  REQUIRE(engine.Invalidate(cache, {"old"}, 1) == 0);
  const auto tags = engine.Tags(cache, slot);
  REQUIRE(tags.size() == 1);
  REQUIRE(tags[0].bytes == "new");
  REQUIRE(engine.Invalidate(cache, {"new"}, 1) == 1);
}

TEST_CASE("tags are told apart as keys are") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const std::vector<Text> tags = {"",
                                  "a",
                                  Text(u"\xd800"),
                                  Text(u"\xdc00"),
                                  Text(u"\xfffd"),
                                  Text(u"\x00e9\x0100"),
                                  std::string(500, 't')};
  for (size_t i = 0; i < tags.size(); i++) engine.Set(cache, std::to_string(i), {.tags = {tags[i]}}, 1);
  for (size_t i = 0; i < tags.size(); i++) {
    REQUIRE(engine.Invalidate(cache, {Text(std::u16string_view(tags[i].units()))}, 1) == 1);
    REQUIRE(engine.Get(cache, std::to_string(i), 1) == TIERCEL_MISS);
  }
}

TEST_CASE("a clear of a namespace takes those below it and none beside or above it") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double a = engine.Namespace(cache, "a");
  const double below = engine.Namespace(a, "below");
  const double b = engine.Namespace(cache, "b");
  for (const double ns : {cache, a, below, b}) engine.Set(ns, "key", {}, 1);
  REQUIRE(engine.Size(cache) == 4);
  REQUIRE(engine.Size(a) == 2);
  REQUIRE(engine.Clear(a, 1) == 2);
  REQUIRE(engine.Get(a, "key", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(below, "key", 1) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "key", 1) >= 0);
  REQUIRE(engine.Get(b, "key", 1) >= 0);
  REQUIRE(engine.Clear(cache, 1) == 2);
  REQUIRE(engine.Size(cache) == 0);
}

TEST_CASE("entries that are over already are not counted by an invalidation") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "expired", {.ttl = 5, .tags = {"tag"}}, 0);
  engine.Set(cache, "stale", {.ttl = 5, .stale = 100, .tags = {"tag"}}, 0);
  engine.Set(cache, "fresh", {.tags = {"tag"}}, 0);
  REQUIRE(engine.Invalidate(cache, {"tag"}, 50) == 2);
  REQUIRE(engine.Size(cache) == 0);
}

TEST_CASE("a scope of at most 4096 entries is reclaimed at once, a larger one in slices") {
  Engine engine;
  for (const int count : {kAtOnce, kAtOnce + 1}) {
    for (const bool by_tag : {false, true}) {
      const double cache = engine.Open(kOptions);
      const double ns = engine.Namespace(cache, "n");
      engine.Set(cache, "kept", {}, 1);
      Fill(engine, ns, count, {"tag"});
      REQUIRE((by_tag ? engine.Invalidate(ns, {"tag"}, 1) : engine.Clear(ns, 1)) == count);
      const double entries = engine.Register(TIERCEL_R_ENTRIES);
      if (count == kAtOnce) {
        REQUIRE(entries == 1);
      } else {
        REQUIRE(entries > kAtOnce / 2);
        REQUIRE(Document(engine.Stats(cache)).Number("pendingReclaim") >= entries - 1);
      }
      REQUIRE(engine.Get(cache, "kept", 1) >= 0);
      // Later calls reclaim the rest.
      for (int i = 0; i < count; i++) engine.Delete(cache, "absent", 1);
      REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 1);
      REQUIRE(Document(engine.Stats(cache)).Number("pendingReclaim") == 0);
      REQUIRE(engine.Close(cache) == TIERCEL_OK);
    }
  }
}

TEST_CASE("nothing of a large scope is served while it is being reclaimed") {
  constexpr int kCount = 10000;
  Engine engine;
  for (int how = 0; how < 3; how++) {
    const double cache = engine.Open(kOptions);
    const double ns = engine.Namespace(cache, "n");
    Fill(engine, ns, kCount, {"tag"});
    const double load = engine.LoadBegin(ns, "loading");
    const double count = how == 0   ? engine.Clear(cache, 1)
                         : how == 1 ? engine.Clear(ns, 1)
                                    : engine.Invalidate(ns, {"tag"}, 1);
    REQUIRE(count == kCount);
    const double iteration = engine.Iterate(ns);
    REQUIRE(engine.Next(ns, -1, iteration, 1) == TIERCEL_MISS);
    REQUIRE(CountServed(engine, ns, 100) == 0);
    REQUIRE(engine.LoadCommit(load, {.tags = {"tag"}}, 1) == TIERCEL_OVERTAKEN);
    // New values of the keys are served beside the dead ones.
    for (int i = 200; i < 300; i++) engine.Set(ns, std::to_string(i), {.value = "new", .tags = {"tag"}}, 1);
    REQUIRE(CountServed(engine, ns, kCount) == 100);
    REQUIRE(Read(engine, ns, "250", 1) == "new");
    REQUIRE(engine.Invalidate(ns, {"tag"}, 1) == 100);
    REQUIRE(engine.Close(cache) == TIERCEL_OK);
  }
}

TEST_CASE("an entry that is dead through one scope may be invalidated through others") {
  constexpr int kCount = 6000;
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  Fill(engine, ns, kCount, {"one", "two"});
  REQUIRE(engine.Invalidate(ns, {"one"}, 1) == kCount);
  REQUIRE(engine.Invalidate(ns, {"two"}, 1) <= kCount);
  REQUIRE(engine.Clear(ns, 1) <= kCount);
  REQUIRE(engine.Clear(cache, 1) <= kCount);
  for (int i = 0; i < kCount; i++) engine.Delete(cache, "absent", 1);
  REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 0);
  REQUIRE(engine.Register(TIERCEL_R_BYTES) == 0);
}

TEST_CASE("the size of a namespace has the dead ones in it until they are reclaimed") {
  constexpr int kCount = 6000;
  Engine engine;
  for (const bool by_tag : {false, true}) {
    const double cache = engine.Open(kOptions);
    const double ns = engine.Namespace(cache, "n");
    Fill(engine, ns, kCount, {"tag"});
    by_tag ? engine.Invalidate(ns, {"tag"}, 1) : engine.Clear(ns, 1);
    REQUIRE(engine.Size(ns) == engine.Register(TIERCEL_R_ENTRIES));
    REQUIRE(engine.Close(cache) == TIERCEL_OK);
  }
}

TEST_CASE("all of a large cache is reclaimed after each clear, what came in since is not") {
  constexpr int kCount = 9000;
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  for (int round = 0; round < 3; round++) {
    Fill(engine, cache, kCount / 2);
    Fill(engine, ns, kCount / 2, {"tag"});
    REQUIRE(engine.Clear(cache, 1) == kCount);
    Fill(engine, ns, 10, {"tag"});
    for (int i = 0; i < kCount; i++) engine.Delete(cache, "absent", 1);
    REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 10);
    REQUIRE(Document(engine.Stats(cache)).Number("pendingReclaim") == 0);
    REQUIRE(CountServed(engine, ns, kCount) == 10);
    REQUIRE(engine.Clear(ns, 1) == 10);
  }
}

TEST_CASE("a dead entry makes room before a live one is evicted") {
  constexpr int kCount = 12000;
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "oldest", {}, 1);
  Fill(engine, cache, kCount, {"tag"});
  REQUIRE(engine.Invalidate(cache, {"tag"}, 1) == kCount);
  // More must leave than are reclaimed at once.
  REQUIRE(engine.Resize(cache, 100, -1) == TIERCEL_OK);
  while (engine.Register(TIERCEL_R_ENTRIES) > 100) engine.Set(cache, "new", {}, 1);
  REQUIRE(engine.Get(cache, "oldest", 1) >= 0);
}

TEST_CASE("a pattern covers what an older one, finished to make room for it, was compared with") {
  struct LargeCache {
    LargeCache() { PerCall() = {.slice = 0, .walk = 0}; }
    ~LargeCache() { PerCall() = Limits(); }
  } large;
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {}, 1);
  for (int i = 0; i < 8; i++) engine.InvalidatePattern(cache, "other " + std::to_string(i) + "*", 1);
  REQUIRE(engine.Get(cache, "key", 1, TIERCEL_GET_PEEK) >= 0);
  REQUIRE(engine.InvalidatePattern(cache, "k*", 1) >= 1);
  REQUIRE(engine.Get(cache, "key", 1, TIERCEL_GET_PEEK) == TIERCEL_MISS);
}

TEST_CASE("what an entry inherited kills it as a dependency, its own tag as a tag") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Watch(cache, true);
  engine.Set(cache, "own", {.tags = {"tag"}}, 1);
  engine.Set(cache, "heir", {.depends_on = {"own"}}, 1);
  REQUIRE(engine.Invalidate(cache, {"tag"}, 1) == 2);
  for (const Removal& removal : engine.Drain(cache)) {
    REQUIRE(removal.cause == (removal.key.bytes == "own" ? TIERCEL_CAUSE_TAG : TIERCEL_CAUSE_DEPENDENCY));
  }
}

}  // namespace tiercel::test
