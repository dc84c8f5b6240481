// Snapshots: into another cache everything comes back that is still in time; damaged ones bring back less,
// never something else.
#include <map>
#include <string>

#include "catch.h"
#include "document.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":5000,"values":"bytes"})";
constexpr int kEntries = 1000;

std::string Key(int i) { return "key " + std::to_string(i); }

// A cache with entries of all kinds, in two namespaces, and its snapshot at time 10.
struct Source {
  Source() {
    const double cache = engine.Open(kOptions);
    const double ns = engine.Namespace(cache, "n");
    for (int i = 0; i < kEntries; i++) {
      const Stored stored = {.value = "value of " + Key(i),
                             .format = static_cast<uint32_t>(i) % 8,
                             .ttl = i % 3 == 0 ? 0.0 : 20 + i,
                             .stale = i % 5 == 0 ? 7.0 : 0.0,
                             .tags = {i % 2 == 0 ? "even" : "odd"},
                             .pinned = i % 7 == 0};
      REQUIRE(engine.Set(i % 4 == 0 ? ns : cache, Key(i), stored, 1) >= 0);
    }
    REQUIRE(engine.SnapshotBegin(cache, 5000, 10) == TIERCEL_OK);
    int32_t slot = -1;
    while ((slot = engine.SnapshotNext(cache, slot, 10)) >= 0) {
    }
    bytes = engine.SnapshotEnd(cache);
  }
  Engine engine;
  std::string bytes;
};

// Another cache, which is asked at time 1 and time of day `wall`.
struct Target {
  Target() : cache(engine.Open(kOptions)) {
    const uint8_t seed[TIERCEL_SEED_BYTES] = {9};
    engine.Seed(cache, seed);
  }
  int32_t Restore(const std::string& bytes, double wall = 5000) {
    const int32_t begun = engine.RestoreBegin(cache, bytes, wall, 1);
    if (begun != TIERCEL_OK) return begun;
    int32_t restored = 0;
    while (engine.RestoreNext(cache, 1) >= 0) restored++;
    return restored;
  }
  double Of(int i) { return i % 4 == 0 ? engine.Namespace(cache, "n") : cache; }

  Engine engine;
  double cache;
};

}  // namespace

TEST_CASE("another cache gets all that was in a snapshot, as it was") {
  Source source;
  Target target;
  REQUIRE(target.Restore(source.bytes) == kEntries);
  for (int i = 0; i < kEntries; i++) {
    REQUIRE(Read(target.engine, target.Of(i), Key(i), 1) == "value of " + Key(i));
    REQUIRE(target.engine.Register(TIERCEL_R_FORMAT) == i % 8);
    if (i % 3 != 0) REQUIRE(target.engine.Register(TIERCEL_R_TTL) == 20 + i - 9);
  }
  // Half of each namespace is of the tag: in the named one all numbers are even.
  REQUIRE(target.engine.Invalidate(target.Of(0), {"even"}, 1) == kEntries / 4);
  REQUIRE(target.engine.Invalidate(target.Of(1), {"even"}, 1) == kEntries / 4);
  target.engine.Resize(target.cache, 1, -1);
  while (target.engine.Sweep(target.cache, kEntries, 1) > 0) {
  }
  int pinned = 0;  // Of those that are left.
  for (int i = 1; i < kEntries; i += 2) pinned += i % 7 == 0 ? 1 : 0;
  REQUIRE(target.engine.Size(target.cache) == pinned);
}

TEST_CASE("what expired while a snapshot lay about is left out") {
  Source source;
  Target target;
  const int32_t restored = target.Restore(source.bytes, 5000 + 500);
  REQUIRE(restored > 0);
  for (int i = 0; i < kEntries; i++) {
    const double left = i % 3 == 0 ? 1 : 20 + i - 9 - 500;
    const bool is_stale = left <= 0 && i % 5 == 0 && left + 7 > 0;
    const int32_t slot = target.engine.Get(target.Of(i), Key(i), 1, TIERCEL_GET_STALE);
    INFO(i);
    REQUIRE((slot >= 0) == (left > 0 || is_stale));
  }
}

TEST_CASE("the time that restoring takes prolongs nothing") {
  Source source;
  Engine engine;
  const double cache = engine.Open(kOptions);
  const uint8_t seed[TIERCEL_SEED_BYTES] = {9};
  engine.Seed(cache, seed);
  REQUIRE(engine.RestoreBegin(cache, source.bytes, 5000, 100) == TIERCEL_OK);
  while (engine.RestoreNext(cache, 400) >= 0) {
  }
  REQUIRE(engine.Get(cache, Key(1), 400) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, Key(997), 400) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 20 + 997 - 9 - 300);
}

TEST_CASE("a damaged snapshot brings back a part, or nothing, and nothing else") {
  Source source;
  Random random(1);
  for (int i = 0; i < 300; i++) {
    std::string damaged = source.bytes;
    const auto at = random.Below(static_cast<uint32_t>(damaged.size()));
    if (i % 3 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.Below(8)));
    }
    Target target;
    const int32_t restored = target.Restore(damaged);
    REQUIRE((restored == TIERCEL_BAD_ARGUMENT || (restored >= 0 && restored < kEntries)));
    for (int key = 0; key < kEntries; key++) {
      const auto value = Read(target.engine, target.Of(key), Key(key), 1);
      if (value) REQUIRE(*value == "value of " + Key(key));
    }
  }
}

TEST_CASE("a namespace whose name is too long here is left out, and what follows is not") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(engine.Namespace(cache, "a name of some length"), "below");
  engine.Set(ns, "left out", {}, 1);
  engine.Set(cache, "key", {.value = "value"}, 1);
  REQUIRE(engine.SnapshotBegin(cache, 0, 1) == TIERCEL_OK);
  int32_t slot = -1;
  while ((slot = engine.SnapshotNext(cache, slot, 1)) >= 0) {
  }
  const std::string snapshot = engine.SnapshotEnd(cache);
  const double other = engine.Open(R"({"maxKeyBytes":10,"values":"bytes"})");
  REQUIRE(engine.RestoreBegin(other, snapshot, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.RestoreNext(other, 1) >= 0);
  REQUIRE(engine.RestoreNext(other, 1) == TIERCEL_MISS);
  REQUIRE(Read(engine, other, "key", 1) == "value");
}

TEST_CASE("what has no room is left out, and counts as rejected") {
  Source source;
  Engine engine;
  const double cache = engine.Open(R"({"maxBytes":100,"values":"bytes"})");
  REQUIRE(engine.RestoreBegin(cache, source.bytes, 5000, 1) == TIERCEL_OK);
  REQUIRE(engine.RestoreNext(cache, 1) == TIERCEL_MISS);
  REQUIRE(Document(engine.Stats(cache)).Number("rejected") == kEntries);
}

TEST_CASE("what is no snapshot is refused") {
  Target target;
  REQUIRE(target.Restore("") == TIERCEL_BAD_ARGUMENT);
  REQUIRE(target.Restore("not a snapshot, but of some length, as long as a header would be or so") ==
          TIERCEL_BAD_ARGUMENT);
}

TEST_CASE("what was invalidated since does not come back into the same cache") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "tagged", {.tags = {"tag"}}, 1);
  engine.Set(cache, "heir", {.depends_on = {"tagged"}}, 1);
  engine.Set(cache, "prefixed", {}, 1);
  engine.Set(cache, "deleted", {}, 1);
  engine.Set(cache, "evicted", {}, 1);
  REQUIRE(engine.SnapshotBegin(cache, 0, 1) == TIERCEL_OK);
  int32_t slot = -1;
  while ((slot = engine.SnapshotNext(cache, slot, 1)) >= 0) {
  }
  const std::string snapshot = engine.SnapshotEnd(cache);
  engine.LoadBegin(cache, "loading");  // For its sake stamps of tags are kept.
  engine.Invalidate(cache, {"tag"}, 1);
  engine.Delete(cache, "deleted", 1);
  REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.RestoreNext(cache, 1) == TIERCEL_MISS);

  // A lower bound is no reason not to bring back what it pushed out.
  engine.Resize(cache, 1, -1);
  engine.Resize(cache, 100, -1);
  REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
  while (engine.RestoreNext(cache, 1) >= 0) {
  }
  for (const char* key : {"tagged", "heir", "deleted"}) REQUIRE(engine.Get(cache, key, 1) == TIERCEL_MISS);
  for (const char* key : {"prefixed", "evicted"}) REQUIRE(engine.Get(cache, key, 1) >= 0);
  engine.InvalidatePrefix(cache, "pre", 1);
  REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.RestoreNext(cache, 1) == TIERCEL_MISS);
}

TEST_CASE("an entry that was evicted before its tag was invalidated does not come back") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxEntries":2,"values":"bytes"})");
  engine.Set(cache, "tagged", {.tags = {"tag"}}, 1);
  REQUIRE(engine.SnapshotBegin(cache, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.SnapshotNext(cache, -1, 1) >= 0);
  const std::string snapshot = engine.SnapshotEnd(cache);
  for (const char* key : {"a", "b"}) engine.Set(cache, key, {}, 1);
  engine.LoadBegin(cache, "loading");  // Which keeps the stamp of the tag.
  REQUIRE(engine.Invalidate(cache, {"tag"}, 1) == 0);
  REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
  REQUIRE(engine.RestoreNext(cache, 1) == TIERCEL_MISS);
}

}  // namespace tiercel::test
