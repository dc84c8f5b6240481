#include <string>

#include "catch.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":0,"maxBytes":1000000000,"values":"bytes"})";
// Unused namespaces kept at most.
constexpr int kIdle = 4096;

}  // namespace

TEST_CASE("a namespace has one handle while it is in use") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  REQUIRE(ns != cache);
  REQUIRE(engine.Namespace(cache, Text(u"n")) == ns);
  const double below = engine.Namespace(ns, "n");
  REQUIRE(below != ns);
  REQUIRE(engine.Namespace(ns, "n") == below);
}

TEST_CASE("a namespace with an entry, a load or one below it in use is never forgotten") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double with_entry = engine.Namespace(cache, "with an entry");
  const double with_load = engine.Namespace(cache, "with a load");
  const double above = engine.Namespace(cache, "above");
  const double below = engine.Namespace(above, "below");
  engine.Set(with_entry, "key", {}, 1);
  engine.Set(below, "key", {}, 1);
  const double load = engine.LoadBegin(with_load, "key");
  for (int i = 0; i < 3 * kIdle; i++) REQUIRE(engine.Namespace(cache, std::to_string(i)) > 0);
  REQUIRE(engine.Size(with_entry) == 1);
  REQUIRE(engine.Size(above) == 1);
  REQUIRE(engine.Size(below) == 1);
  REQUIRE(engine.Namespace(cache, "with a load") == with_load);
  REQUIRE(engine.LoadCommit(load, {.value = "fetched"}, 1) >= 0);
  REQUIRE(Read(engine, with_load, "key", 1) == "fetched");
}

TEST_CASE("an unused namespace may be forgotten, and its handle is bad then") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  engine.Set(ns, "key", {.tags = {"tag"}}, 1);
  engine.Delete(ns, "key", 1);
  for (int i = 0; i < 2 * kIdle; i++) engine.Namespace(cache, std::to_string(i));
  REQUIRE(engine.Size(ns) == kBadHandle);
  REQUIRE(engine.Set(ns, "key", {}, 1) == TIERCEL_BAD_HANDLE);
  const double again = engine.Namespace(cache, "n");
  REQUIRE(again > 0);
  REQUIRE(again != ns);
  REQUIRE(engine.Set(again, "key", {}, 1) >= 0);
  REQUIRE(engine.Get(ns, "key", 1) == TIERCEL_BAD_HANDLE);
}

TEST_CASE("what was cleared stays so when its namespace is forgotten") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double above = engine.Namespace(cache, "above");
  const double ns = engine.Namespace(above, "n");
  engine.Set(ns, "key", {}, 1);
  const double load = engine.LoadBegin(ns, "key");
  engine.Clear(above, 1);
  for (int i = 0; i < 2 * kIdle; i++) engine.Namespace(cache, std::to_string(i));
  REQUIRE(engine.LoadCommit(load, {}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.Get(engine.Namespace(engine.Namespace(cache, "above"), "n"), "key", 1) == TIERCEL_MISS);
}

TEST_CASE("namespaces nest sixteen deep and no deeper") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  double ns = cache;
  for (int depth = 0; depth < TIERCEL_MAX_DEPTH; depth++) {
    ns = engine.Namespace(ns, "n");
    REQUIRE(ns > 0);
  }
  REQUIRE(engine.Namespace(ns, "n") == kLimit);
  REQUIRE(engine.Set(ns, "key", {.tags = {"tag"}}, 1) >= 0);
  REQUIRE(engine.Size(engine.Namespace(cache, "n")) == 1);
  REQUIRE(engine.Clear(engine.Namespace(cache, "n"), 1) == 1);
  REQUIRE(engine.Get(ns, "key", 1) == TIERCEL_MISS);
}

TEST_CASE("caches of an engine share nothing") {
  Engine engine;
  const double one = engine.Open(kOptions);
  const double two = engine.Open(R"({"maxEntries":10})");
  engine.Set(one, "key", {.value = "one", .tags = {"tag"}}, 1);
  const double load = engine.LoadBegin(one, "loading");
  REQUIRE(engine.Get(two, "key", 1) == TIERCEL_MISS);
  REQUIRE(engine.Clear(two, 1) == 0);
  REQUIRE(engine.Invalidate(two, {"tag"}, 1) == 0);
  REQUIRE(engine.LoadBegin(two, "loading") != load);
  REQUIRE(engine.Register(TIERCEL_R_JOINED) == 0);
  REQUIRE(engine.Close(two) == TIERCEL_OK);
  REQUIRE(Read(engine, one, "key", 1) == "one");
  REQUIRE(engine.LoadCommit(load, {}, 1) >= 0);
}

TEST_CASE("an engine has at most 2^20 handles at a time") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":10})");
  constexpr int kHandles = 1 << 20;
  double last = 0;
  for (int i = 1; i < kHandles; i++) {
    last = engine.LoadBegin(cache, std::to_string(i));
    if (last <= 0) FAIL("load " << i);
  }
  REQUIRE(engine.LoadBegin(cache, "one more") == kLimit);
  REQUIRE(engine.Namespace(cache, "one more") == kLimit);
  REQUIRE(engine.Open("{}") == kLimit);
  REQUIRE(engine.LoadEnd(last) == TIERCEL_OK);
  REQUIRE(engine.Namespace(cache, "one more") > 0);
  REQUIRE(engine.LoadBegin(cache, "two more") == kLimit);
}

}  // namespace tiercel::test
