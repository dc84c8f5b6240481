// Each allocation of each call fails once, or fails and all after it: the call is done or not done, what is
// there stays right, and nothing leaks.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "catch.h"
#include "document.h"
#include "engine.h"
#include "memory.h"

namespace tiercel::test {
namespace {

constexpr int kEntries = 14;  // As many as the first group of the index takes: one more makes it grow.
const std::string kLarge(5000, 'v');
const std::string kLong = "a name that is longer than what is kept in place";

// A cache with something of everything in it.
struct World {
  World(bool values_as_bytes, bool watched) : has_values(values_as_bytes) {
    cache = engine.Open(values_as_bytes ? R"({"policy":"lru","maxEntries":1000,"values":"bytes"})"
                                        : R"({"policy":"lru","maxEntries":1000})");
    engine.Watch(cache, watched);
    ns = engine.Namespace(cache, "namespace");
    for (int i = 0; i < kEntries; i++) {
      engine.Set(ns, Name(i), {.value = Name(i), .tags = {i % 2 == 0 ? "even" : "odd"}}, 1);
    }
    load = engine.LoadBegin(ns, "loading");
  }

  static std::string Name(int i) { return "the name of an entry, number " + std::to_string(i); }

  bool Has(const Text& key) { return engine.Get(ns, key, 1, TIERCEL_GET_PEEK) >= 0; }

  // The entries that are served with the values they began with.
  std::vector<int> Intact() {
    std::vector<int> intact;
    for (int i = 0; i < kEntries; i++) {
      if (Has(Name(i)) && (!has_values || engine.ValueBytes() == Name(i))) intact.push_back(i);
    }
    return intact;
  }

  Document Stats() { return Document(engine.Stats(cache)); }

  const bool has_values;
  Engine engine;
  double cache = 0;
  double ns = 0;
  double load = 0;
};

struct Call {
  const char* name;
  std::function<double(World&)> make;
  // Whether all that the call is for has come about, and whether nothing of it has.
  std::function<bool(World&)> is_done;
  std::function<bool(World&)> is_undone;
};

bool Never(World&) { return false; }

const Call kCalls[] = {
    {"set a new key",
     [](World& w) -> double {
       return w.engine.Set(w.ns, kLong, {.value = kLarge, .tags = {"one", "two", kLong}}, 1);
     },
     [](World& w) { return w.Has(kLong) && w.engine.Invalidate(w.ns, {"two"}, 1) == 1; },
     [](World& w) {
       return !w.Has(kLong) && w.engine.Invalidate(w.ns, {"one", "two", kLong}, 1) == 0;
     }},
    {"replace a value",
     [](World& w) -> double {
       return w.engine.Set(w.ns, World::Name(3), {.value = kLarge, .tags = {kLong}}, 1);
     },
     [](World& w) { return w.Has(World::Name(3)) && w.engine.Invalidate(w.ns, {kLong}, 1) == 1; },
     [](World& w) { return w.engine.Invalidate(w.ns, {kLong}, 1) == 0; }},
    {"set a key of Latin-1 that is passed as UTF-16",
     [](World& w) -> double { return w.engine.Set(w.ns, Text(u"a key"), {}, 1); },
     [](World& w) { return w.Has("a key"); }, [](World& w) { return !w.Has("a key"); }},
    {"commit a load",
     [](World& w) -> double { return w.engine.LoadCommit(w.load, {.value = kLarge, .tags = {kLong}}, 1); },
     [](World& w) { return w.Has("loading") && w.engine.LoadEnd(w.load) == TIERCEL_BAD_HANDLE; },
     [](World& w) { return !w.Has("loading") && w.engine.LoadEnd(w.load) == TIERCEL_OK; }},
    {"note tags of a load",
     [](World& w) -> double {
       return w.engine.LoadTags(w.load, {"one", kLong});
     },
     [](World& w) {
       return w.engine.Invalidate(w.ns, {kLong}, 1) == 0 &&
              w.engine.LoadCommit(w.load, {}, 1) == TIERCEL_OVERTAKEN;
     },
     [](World& w) {
       return w.engine.Invalidate(w.ns, {"one", kLong}, 1) == 0 && w.engine.LoadCommit(w.load, {}, 1) >= 0;
     }},
    {"begin a load", [](World& w) { return w.engine.LoadBegin(w.ns, kLong); },
     [](World& w) { return w.engine.LoadBegin(w.ns, kLong) > 0 && w.engine.Register(TIERCEL_R_JOINED) == 1; },
     [](World& w) { return w.Stats().Number("loading") == 1; }},
    {"ask for a namespace", [](World& w) { return w.engine.Namespace(w.ns, kLong); },
     [](World& w) { return w.Stats().Number("scopes") == 5; },
     [](World& w) { return w.Stats().Number("scopes") == 4; }},
    {"delete", [](World& w) -> double { return w.engine.Delete(w.ns, World::Name(3), 1); },
     [](World& w) { return !w.Has(World::Name(3)); }, Never},
    {"touch", [](World& w) -> double { return w.engine.Touch(w.ns, World::Name(3), 7, 1); },
     [](World& w) { return w.Has(World::Name(3)) && w.engine.Register(TIERCEL_R_TTL) == 7; },
     [](World& w) { return w.Has(World::Name(3)) && w.engine.Register(TIERCEL_R_TTL) == INFINITY; }},
    {"clear a namespace", [](World& w) { return w.engine.Clear(w.ns, 1); },
     [](World& w) {
       return w.engine.Size(w.ns) == 0 && w.engine.LoadCommit(w.load, {}, 1) == TIERCEL_OVERTAKEN;
     },
     Never},
    {"clear all", [](World& w) { return w.engine.Clear(w.cache, 1); },
     [](World& w) {
       return w.engine.Size(w.ns) == 0 && w.engine.LoadCommit(w.load, {}, 1) == TIERCEL_OVERTAKEN;
     },
     Never},
    {"invalidate a tag", [](World& w) { return w.engine.Invalidate(w.ns, {"odd"}, 1); },
     [](World& w) {
       return w.Intact().size() == kEntries / 2 &&
              w.engine.LoadCommit(w.load, {.tags = {"odd"}}, 1) == TIERCEL_OVERTAKEN;
     },
     Never},
    {"invalidate tags that only a load may have",
     [](World& w) {
       return w.engine.Invalidate(w.ns, {"unknown", kLong}, 1);
     },
     [](World& w) { return w.engine.LoadCommit(w.load, {.tags = {kLong}}, 1) == TIERCEL_OVERTAKEN; }, Never},
    {"seed",
     [](World& w) -> double {
       const uint8_t seed[TIERCEL_SEED_BYTES] = {1, 2, 3};
       return w.engine.Seed(w.cache, seed);
     },
     [](World& w) { return w.Intact().size() == kEntries; },
     [](World& w) { return w.Intact().size() == kEntries; }},
    {"resize", [](World& w) -> double { return w.engine.Resize(w.cache, 5, -1); },
     [](World& w) { return w.engine.Size(w.cache) == 5; }, Never},
    {"end a load", [](World& w) -> double { return w.engine.LoadEnd(w.load); },
     [](World& w) { return w.engine.LoadEnd(w.load) == TIERCEL_BAD_HANDLE; }, Never},
    {"open a cache", [](World& w) { return w.engine.Open("{}"); }, [](World&) { return true; },
     [](World&) { return true; }},
    {"tell the statistics",
     [](World& w) -> double { return tiercel_cache_stats(w.engine.raw(), w.cache, 0); },
     [](World& w) { return Document(w.engine.Message()).is_object(); }, [](World&) { return true; }},
    {"tell the tags",
     [](World& w) -> double {
       const int32_t slot = w.engine.Get(w.ns, World::Name(3), 1, TIERCEL_GET_PEEK);
       return tiercel_tags(w.engine.raw(), w.ns, slot);
     },
     [](World& w) { return Unpack(w.engine.Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH)).size() == 1; },
     [](World&) { return true; }},
};

// What holds at any time, however little memory there was.
void RequireWhole(World& world) {
  const Document stats = world.Stats();
  const double entries = stats.Number("entries");
  REQUIRE(stats.Number("adds") - stats.Object("removals").Sum() == entries);
  double met = 0;
  for (const double ns : {world.cache, world.ns}) {
    const double iteration = world.engine.Iterate(ns);
    for (int32_t slot = -1; (slot = world.engine.Next(ns, slot, iteration, 1)) >= 0; met++) {
      const Text key = world.engine.Key();
      REQUIRE(world.engine.Get(ns, key, 1, TIERCEL_GET_PEEK) == slot);
    }
  }
  REQUIRE(met == entries);
  REQUIRE(world.engine.Set(world.ns, "after", {.value = "all", .tags = {"is well"}}, 1) >= 0);
  REQUIRE(world.Has("after"));
  REQUIRE(world.engine.Invalidate(world.ns, {"is well"}, 1) == 1);
}

// Each removal is in the log or counted as lost.
void RequireLogged(World& world, bool watched) {
  const Document stats = world.Stats();
  const double logged = world.engine.Register(TIERCEL_R_REMOVALS);
  if (watched) REQUIRE(logged + stats.Number("lostEvents") == stats.Object("removals").Sum());
}

// Makes a call in which the allocation after `fail_after` others fails. Returns whether it came to that.
bool FailOne(const Call& call, bool values_as_bytes, bool watched, int fail_after, bool and_after) {
  World world(values_as_bytes, watched);
  const uint64_t before = Faults().count;
  Faults().fail_after = fail_after;
  Faults().and_after = and_after;
  const double result = call.make(world);
  Faults().fail_after = -1;
  Faults().and_after = false;
  const bool failed = Faults().count - before > static_cast<uint64_t>(fail_after);

  if (result == kNoMemory) {
    REQUIRE(failed);
    // Some may have been evicted in the attempt, none is changed.
    const double evicted = world.Stats().Object("removals").Number("size");
    REQUIRE(static_cast<double>(world.Intact().size()) == kEntries - evicted);
    REQUIRE(call.is_undone(world));
  } else {
    REQUIRE(result >= 0);
    REQUIRE(call.is_done(world));
  }
  RequireLogged(world, watched);
  RequireWhole(world);
  return failed;
}

// Makes a call again and again, with one allocation more that succeeds each time, until all do.
void FailEach(const Call& call, bool values_as_bytes, bool watched, bool and_after) {
  bool failed = true;
  for (int fail_after = 0; failed; fail_after++) {
    INFO("allocation " << fail_after << (and_after ? " and all after it" : "")
                       << (values_as_bytes ? ", bytes" : ", reference") << (watched ? ", watched" : ""));
    REQUIRE(fail_after < 100);
    const int64_t live = Faults().live;
    failed = FailOne(call, values_as_bytes, watched, fail_after, and_after);
    REQUIRE(Faults().live == live);
  }
}

}  // namespace

TEST_CASE("a call that runs out of memory is done or not done, and nothing leaks") {
  for (const Call& call : kCalls) {
    DYNAMIC_SECTION(call.name) {
      for (int mode = 0; mode < 8; mode++) FailEach(call, (mode & 1) != 0, (mode & 2) != 0, (mode & 4) != 0);
    }
  }
}

TEST_CASE("an engine without memory is none, and a cache without memory is none") {
  const int64_t live = Faults().live;
  Faults().fail_after = 0;
  TiercelEngine* engine = tiercel_engine_new(nullptr);
  Faults().fail_after = -1;
  REQUIRE(engine == nullptr);
  engine = tiercel_engine_new(nullptr);
  Faults().fail_after = 0;
  Faults().and_after = true;
  REQUIRE(tiercel_cache_open(engine, "{}", 2) == kNoMemory);
  REQUIRE(tiercel_buffer(engine, 100) == nullptr);
  Faults().fail_after = -1;
  Faults().and_after = false;
  REQUIRE(tiercel_buffer(engine, 100) != nullptr);
  tiercel_engine_delete(engine);
  REQUIRE(Faults().live == live);
}

TEST_CASE("what there is no memory to restore comes with the next call") {
  for (const bool values_as_bytes : {false, true}) {
    World world(values_as_bytes, false);
    REQUIRE(world.engine.SnapshotBegin(world.cache, 0, 1) == TIERCEL_OK);
    for (int32_t slot = -1; (slot = world.engine.SnapshotNext(world.cache, slot, 1)) >= 0;) {
      if (!values_as_bytes) REQUIRE(world.engine.SnapshotAdd(world.cache, slot, "v", 0, 1) == TIERCEL_OK);
    }
    const std::string snapshot = world.engine.SnapshotEnd(world.cache);
    const std::string options =
        R"({"values":")" + std::string(values_as_bytes ? "bytes" : "reference") + "\"}";

    bool failed = true;
    for (int fail_after = 0; failed; fail_after++) {
      INFO("allocation " << fail_after << (values_as_bytes ? ", bytes" : ", reference"));
      Engine engine;
      const double cache = engine.Open(options);
      REQUIRE(engine.RestoreBegin(cache, snapshot, 0, 1) == TIERCEL_OK);
      Faults().fail_after = fail_after;
      Faults().and_after = true;
      const int32_t first = engine.RestoreNext(cache, 1);
      Faults().fail_after = -1;
      Faults().and_after = false;
      failed = first == TIERCEL_NO_MEMORY;
      REQUIRE((failed ? fail_after < 100 : fail_after > 5 && first >= 0));
      int restored = failed ? 0 : 1;
      while (engine.RestoreNext(cache, 1) >= 0) restored++;
      REQUIRE(restored == kEntries);
      REQUIRE(engine.Size(engine.Namespace(cache, "namespace")) == kEntries);
    }
  }
}

TEST_CASE("a read allocates nothing") {
  World world(true, false);
  world.engine.Set(world.ns, "expired", {.ttl = 1}, 1);
  world.engine.Get(world.ns, Text(std::u16string(100, u'x')), 1);  // Takes room to narrow strings, once.
  const uint64_t count = Faults().count;
  world.engine.Get(world.ns, World::Name(3), 1);
  world.engine.Get(world.ns, World::Name(3), 1, TIERCEL_GET_STALE | TIERCEL_GET_PEEK);
  world.engine.Get(world.ns, "absent", 1);
  world.engine.Get(world.ns, Text(u"abs\u0100nt"), 1);
  world.engine.Get(world.ns, "expired", 5);
  REQUIRE(Faults().count == count);
}

TEST_CASE("evicted entries make room for a value when memory runs out") {
  World world(true, false);
  Faults().fail_after = 0;
  const int32_t slot = world.engine.Set(world.ns, "key", {.value = kLarge}, 1);
  Faults().fail_after = -1;
  REQUIRE(slot >= 0);
  REQUIRE(Read(world.engine, world.ns, "key", 1) == kLarge);
  REQUIRE_FALSE(world.Has(World::Name(0)));
  REQUIRE(world.Has(World::Name(kEntries - 1)));
}

TEST_CASE("all memory is given back when an engine goes") {
  const int64_t live = Faults().live;
  {
    World world(true, true);
    for (int i = 0; i < 5000; i++)
      world.engine.Set(world.ns, std::to_string(i), {.value = kLarge, .tags = {kLong}}, 1);
    world.engine.Clear(world.cache, 1);
    for (int i = 0; i < 100; i++) world.engine.LoadBegin(world.ns, kLong + std::to_string(i));
    world.engine.Open("{}");
    tiercel_buffer(world.engine.raw(), 1 << 20);
    REQUIRE(Faults().live > live);
  }
  REQUIRE(Faults().live == live);
}

}  // namespace tiercel::test
