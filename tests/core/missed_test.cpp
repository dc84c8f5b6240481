// A set of what the get before missed: the core has the key already, and knows that it is not there.
#include <string>

#include "catch.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":8,"values":"bytes"})";

int32_t SetMissed(Engine& engine, double ns, const std::string& value = "v") {
  return engine.SetAs(TIERCEL_MISSED, ns, {}, {.value = value}, 0);
}

}  // namespace

TEST_CASE("what a get missed is set without its key") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double inner = engine.Namespace(cache, "inner");
  for (const Text& key : {Text(""), Text("a"), Text(std::string(500, 'x')), Text(u"\u00e9"), Text(u"\u4e00"),
                          Text(u"a wide one\u4e00"), Text(u"one in sixteen bits")}) {
    for (const double ns : {cache, inner}) {
      REQUIRE(engine.Get(ns, key, 0) == TIERCEL_MISS);
      REQUIRE(SetMissed(engine, ns, key.bytes) >= 0);
      REQUIRE(Read(engine, ns, key, 0) == key.bytes);
      REQUIRE(engine.Delete(ns, key, 0) == 1);
    }
  }
}

TEST_CASE("the key that a get missed need not stay where it lay") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  std::string key = "a key of some length";
  REQUIRE(tiercel_get(engine.raw(), cache, reinterpret_cast<const uint8_t*>(key.data()),
                      static_cast<uint32_t>(key.size()), TIERCEL_LATIN1, 0, 0) == TIERCEL_MISS);
  key.assign(key.size(), 'x');
  REQUIRE(SetMissed(engine, cache) >= 0);
  REQUIRE(Read(engine, cache, "a key of some length", 0) == "v");
  REQUIRE(Read(engine, cache, Text(key), 0) == std::nullopt);
}

TEST_CASE("what a get missed is forgotten by each call that takes a key or stores one") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double inner = engine.Namespace(cache, "inner");
  const uint8_t seed[16] = {1};
  REQUIRE(engine.Set(cache, "there", {}, 0) >= 0);

  const auto is_forgotten_after = [&](auto call) {
    REQUIRE(engine.Get(cache, "k", 0) == TIERCEL_MISS);
    call();
    const double before = engine.Size(cache);
    if (SetMissed(engine, cache) != TIERCEL_MISS) return false;
    return engine.Size(cache) == before;
  };
  REQUIRE(is_forgotten_after([&] { (void)engine.Get(cache, "there", 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.Get(inner, "k", 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.Set(cache, "other", {}, 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.Delete(cache, "other", 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.Touch(cache, "there", 1, 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.AddTags(cache, "there", {"t"}, 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.InvalidatePrefix(cache, "o", 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.InvalidatePattern(cache, "o*", 0); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.LoadBegin(cache, "other"); }));
  REQUIRE(is_forgotten_after([&] { (void)engine.Seed(cache, seed); }));
  REQUIRE(is_forgotten_after([&] { (void)SetMissed(engine, cache), (void)engine.Delete(cache, "k", 0); }));
  const double load = engine.LoadBegin(cache, "loaded");
  REQUIRE(is_forgotten_after([&] { REQUIRE(engine.LoadCommit(load, {}, 0) >= 0); }));
}

TEST_CASE("what a get missed is remembered over calls that change no key") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  REQUIRE(engine.Set(cache, "there", {.tags = {"t"}}, 0) >= 0);
  REQUIRE(engine.Get(cache, "k", 0) == TIERCEL_MISS);
  REQUIRE(engine.Invalidate(cache, {"t"}, 0) == 1);
  REQUIRE_FALSE(engine.Stats(cache).empty());
  REQUIRE(engine.Sweep(cache, 10, 0) >= 0);
  REQUIRE(SetMissed(engine, cache) >= 0);
  REQUIRE(Read(engine, cache, "k", 0) == "v");
}

TEST_CASE("what a get missed because it was stale is set, whether it is there by then or not") {
  const auto require_set_after = [](const char* values, auto call) {
    Engine engine;
    const double cache = engine.Open(std::string(R"({"maxEntries":8,"values":")") + values + "\"}");
    REQUIRE(engine.Set(cache, "k", {.ttl = 1, .stale = 10, .tags = {"t"}}, 0) >= 0);
    REQUIRE(engine.Get(cache, "k", 5) == TIERCEL_MISS);
    call(engine, cache);
    REQUIRE(SetMissed(engine, cache) >= 0);
    REQUIRE(engine.Set(cache, "other", {}, 20) >= 0);
    REQUIRE(engine.Size(cache) == 2);
    REQUIRE(engine.Get(cache, "k", 20) >= 0);
    REQUIRE(engine.Get(cache, "other", 20) >= 0);
  };
  for (const char* values : {"reference", "bytes"}) {
    require_set_after(values, [](Engine&, double) {});
    require_set_after(values, [](Engine& e, double cache) { REQUIRE(e.Invalidate(cache, {"t"}, 5) == 1); });
    require_set_after(values, [](Engine& e, double cache) { REQUIRE(e.Clear(cache, 5) == 1); });
    require_set_after(values, [](Engine& e, double cache) { REQUIRE(e.Sweep(cache, 10, 20) == 1); });
  }
}

TEST_CASE("a miss in one namespace is none in another, and a peek is one as well") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double inner = engine.Namespace(cache, "inner");
  REQUIRE(SetMissed(engine, cache) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "k", 0) == TIERCEL_MISS);
  REQUIRE(SetMissed(engine, inner) == TIERCEL_MISS);
  REQUIRE(engine.Get(inner, "k", 0, TIERCEL_GET_PEEK) == TIERCEL_MISS);
  REQUIRE(SetMissed(engine, inner) >= 0);
}

}  // namespace tiercel::test
