// The log of removals: one for each, with the value that left, its key and why.
#include <functional>
#include <string>
#include <vector>

#include "catch.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kBytes = R"({"policy":"lru","maxEntries":3,"values":"bytes"})";
constexpr const char* kReference = R"({"policy":"lru","maxEntries":3})";

}  // namespace

TEST_CASE("a watched cache tells key, value, format, namespace and cause of each removal") {
  Engine engine;
  const double cache = engine.Open(kBytes);
  engine.Watch(cache, true);
  const double ns = engine.Namespace(cache, "n");
  const auto only = [&](double in, const Text& key, const std::string& value, TiercelCause cause) {
    const std::vector<Removal> removals = engine.Drain(cache);
    REQUIRE(removals.size() == 1);
    REQUIRE(removals[0].key.units() == key.units());
    REQUIRE(removals[0].value == value);
    REQUIRE(removals[0].format == value.size() % 8);
    REQUIRE(removals[0].ns == in);
    REQUIRE(removals[0].cause == cause);
  };
  const auto set = [&](double in, const Text& key, const std::string& value, const Stored& like = {}) {
    Stored stored = like;
    stored.value = value;
    stored.format = static_cast<uint32_t>(value.size() % 8);
    REQUIRE(engine.Set(in, key, stored, 10) >= 0);
  };

  set(ns, "deleted", "a");
  REQUIRE(engine.Delete(ns, "deleted", 10) == 1);
  only(ns, "deleted", "a", TIERCEL_CAUSE_EXPLICIT);

  const Text wide(u"replaced \xd800");
  set(cache, wide, "b");
  set(cache, wide, "bb");
  only(cache, wide, "b", TIERCEL_CAUSE_REPLACED);

  set(ns, std::string(300, 'k'), "ccc", {.tags = {"tag"}});
  REQUIRE(engine.Invalidate(ns, {"tag"}, 10) == 1);
  only(ns, std::string(300, 'k'), "ccc", TIERCEL_CAUSE_TAG);

  set(ns, "", "");
  REQUIRE(engine.Clear(ns, 10) == 1);
  only(ns, "", "", TIERCEL_CAUSE_CLEAR);

  set(ns, "expires", "e", {.ttl = 5});
  REQUIRE(engine.Get(ns, "expires", 15) == TIERCEL_MISS);
  only(ns, "expires", "e", TIERCEL_CAUSE_EXPIRED);

  set(ns, "1", "x"), set(ns, "2", "y");
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 0);
  set(ns, "3", "z");
  only(cache, wide, "bb", TIERCEL_CAUSE_SIZE);
}

TEST_CASE("what is over already leaves as expired, whatever call takes it out") {
  const auto cause_of = [](const std::function<void(Engine&, double)>& call) {
    Engine engine;
    const double cache = engine.Open(R"({"policy":"lru","maxEntries":1,"maxBytes":1000,"values":"bytes"})");
    engine.Watch(cache, true);
    engine.Set(cache, "key", {.ttl = 5, .tags = {"tag"}}, 1);
    call(engine, cache);
    const std::vector<Removal> removals = engine.Drain(cache);
    REQUIRE(removals.size() == 1);
    return removals[0].cause;
  };
  const std::function<void(Engine&, double)> calls[] = {
      [](Engine& e, double cache) { e.Get(cache, "key", 9); },
      [](Engine& e, double cache) { e.Delete(cache, "key", 9); },
      [](Engine& e, double cache) { e.Set(cache, "key", {}, 9); },
      [](Engine& e, double cache) { e.Set(cache, "key", {.value = std::string(2000, 'v')}, 9); },
      [](Engine& e, double cache) { e.Set(cache, "other", {}, 9); },
      [](Engine& e, double cache) { e.Invalidate(cache, {"tag"}, 9); },
      [](Engine& e, double cache) { e.Clear(cache, 9); },
  };
  for (const auto& call : calls) REQUIRE(cause_of(call) == TIERCEL_CAUSE_EXPIRED);
}

TEST_CASE("a value over the budget replaces the older one of its key") {
  Engine engine;
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000,"values":"bytes"})");
  engine.Watch(cache, true);
  engine.Set(cache, "key", {.value = "old"}, 1);
  REQUIRE(engine.Set(cache, "key", {.value = std::string(2000, 'v')}, 1) == TIERCEL_REJECTED);
  const std::vector<Removal> removals = engine.Drain(cache);
  REQUIRE(removals.size() == 1);
  REQUIRE(removals[0].value == "old");
  REQUIRE(removals[0].cause == TIERCEL_CAUSE_REPLACED);
}

TEST_CASE("the log is kept until it is cleared") {
  Engine engine;
  const double cache = engine.Open(kBytes);
  engine.Watch(cache, true);
  for (int i = 0; i < 100; i++) {
    engine.Set(cache, "key", {.value = std::to_string(i)}, 1);
    REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == i);
    engine.Get(cache, "key", 1);
    engine.Stats(cache);
  }
  REQUIRE(engine.RemovalAt(cache, 99) == TIERCEL_BAD_ARGUMENT);
  const std::vector<Removal> removals = engine.Drain(cache);
  REQUIRE(removals.size() == 99);
  for (size_t i = 0; i < removals.size(); i++) REQUIRE(removals[i].value == std::to_string(i));
  REQUIRE(engine.RemovalAt(cache, 0) == TIERCEL_BAD_ARGUMENT);
}

TEST_CASE("a large invalidation tells each removal once, as it is reclaimed") {
  constexpr int kCount = 6000;
  for (const bool by_tag : {false, true}) {
    Engine engine;
    const double cache = engine.Open(R"({"maxEntries":10000,"values":"bytes"})");
    engine.Watch(cache, true);
    const double ns = engine.Namespace(cache, "n");
    for (int i = 0; i < kCount; i++) {
      engine.Set(ns, std::to_string(i), {.value = std::to_string(i), .tags = {"tag"}}, 1);
    }
    REQUIRE((by_tag ? engine.Invalidate(ns, {"tag"}, 1) : engine.Clear(ns, 1)) == kCount);
    std::vector<int> told(kCount);
    for (int call = 0; call < kCount; call++) {
      for (const Removal& removal : engine.Drain(cache)) {
        REQUIRE(removal.cause == (by_tag ? TIERCEL_CAUSE_TAG : TIERCEL_CAUSE_CLEAR));
        REQUIRE(removal.value == removal.key.bytes);
        told[static_cast<size_t>(std::stoi(removal.value))]++;
      }
      engine.Delete(cache, "absent", 1);
    }
    REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 0);
    REQUIRE(told == std::vector<int>(kCount, 1));
  }
}

TEST_CASE("an unwatched cache in bytes mode logs nothing") {
  Engine engine;
  const double cache = engine.Open(kBytes);
  for (int i = 0; i < 10; i++) engine.Set(cache, std::to_string(i), {.ttl = 5}, 1);
  engine.Set(cache, "9", {}, 1);
  engine.Delete(cache, "9", 1);
  engine.Get(cache, "8", 100);
  engine.Clear(cache, 100);
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 0);
}

TEST_CASE("an unwatched cache in reference mode logs the slots that are free") {
  Engine engine;
  const double cache = engine.Open(kReference);
  const int32_t a = engine.Set(cache, "a", {}, 1);
  const int32_t b = engine.Set(cache, "b", {}, 1);
  REQUIRE(a != b);
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 0);
  // Written over by the caller, not free.
  REQUIRE(engine.Set(cache, "a", {}, 1) == a);
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 0);
  engine.Delete(cache, "a", 1);
  std::vector<Removal> removals = engine.Drain(cache);
  REQUIRE(removals.size() == 1);
  REQUIRE(removals[0].slot == a);
  const int32_t c = engine.Set(cache, "c", {}, 1);
  const int32_t d = engine.Set(cache, "d", {}, 1);
  REQUIRE(engine.Drain(cache).empty());
  // The slot of the evicted one is given out again, or is in the log.
  const int32_t e = engine.Set(cache, "e", {}, 1);
  removals = engine.Drain(cache);
  REQUIRE(removals.size() == (e == b ? 0 : 1));
  if (!removals.empty()) REQUIRE(removals[0].slot == b);
  REQUIRE(e != c);
  REQUIRE(e != d);
}

TEST_CASE("to watch or not may be changed, which empties the log") {
  Engine engine;
  const double cache = engine.Open(kBytes);
  engine.Set(cache, "a", {.value = "1"}, 1);
  engine.Watch(cache, true);
  engine.Set(cache, "a", {.value = "2"}, 1);
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 1);
  engine.Watch(cache, false);
  REQUIRE(engine.RemovalAt(cache, 0) == TIERCEL_BAD_ARGUMENT);
  engine.Set(cache, "a", {.value = "3"}, 1);
  REQUIRE(engine.Register(TIERCEL_R_REMOVALS) == 0);
}

TEST_CASE("a removal has the handle of its namespace even if that is bad by now") {
  Engine engine;
  const double cache = engine.Open(kBytes);
  engine.Watch(cache, true);
  const double ns = engine.Namespace(cache, "n");
  engine.Set(ns, "key", {}, 1);
  engine.Delete(ns, "key", 1);
  for (int i = 0; i < 10000; i++) engine.Namespace(cache, std::to_string(i));
  REQUIRE(engine.RemovalAt(cache, 0) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_NAMESPACE) == ns);
  REQUIRE(engine.Key().bytes == "key");
  REQUIRE(engine.Size(ns) == kBadHandle);
}

}  // namespace tiercel::test
