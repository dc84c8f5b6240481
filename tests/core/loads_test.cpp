#include "loads.h"

#include <string>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

const HashSeed kSeed = {1, 2};

tiercel::Text View(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size()), false};
}

struct Fixture {
  uint32_t Find(const std::string& key, uint32_t scope = 0) {
    return loads.Find(scope, HashText(seed, scope, 0, View(key)), View(key));
  }

  uint32_t Begin(const std::string& key, uint32_t scope = 0) {
    return loads.Begin(nullptr, scope, HashText(seed, scope, 0, View(key)), View(key), ++sequence);
  }

  HandleTable handles;
  Loads loads{&handles};
  HashSeed seed = kSeed;
  uint64_t sequence = 0;
};

}  // namespace

TEST_CASE("a load is found by namespace and key until it ends or is overtaken") {
  Fixture f;
  const uint32_t load = f.Begin("key");
  REQUIRE(f.Find("key") == load);
  REQUIRE(f.Find("key", 1) == kNone);
  REQUIRE(f.Find("other") == kNone);
  f.loads.Overtake(load);
  REQUIRE(f.Find("key") == kNone);
  REQUIRE(f.loads[load].overtaken);
  const uint32_t next = f.Begin("key");
  REQUIRE(f.Find("key") == next);
  f.loads.End(load);
  REQUIRE(f.Find("key") == next);
  f.loads.End(next);
  REQUIRE(f.Find("key") == kNone);
  REQUIRE(f.loads.size() == 0);
}

TEST_CASE("the oldest sequence is that of the oldest load in flight, overtaken or not") {
  Fixture f;
  REQUIRE(f.loads.OldestSequence() == Loads::kNoLoad);
  const uint32_t a = f.Begin("a");
  const uint32_t b = f.Begin("b");
  const uint32_t c = f.Begin("c");
  REQUIRE(f.loads.OldestSequence() == 1);
  f.loads.Overtake(a);
  REQUIRE(f.loads.OldestSequence() == 1);
  f.loads.End(b);
  REQUIRE(f.loads.OldestSequence() == 1);
  f.loads.End(a);
  REQUIRE(f.loads.OldestSequence() == 3);
  f.loads.End(c);
  REQUIRE(f.loads.OldestSequence() == Loads::kNoLoad);
}

TEST_CASE("loads are found under a new seed, those overtaken are not") {
  Fixture f;
  std::vector<uint32_t> loads;
  for (int i = 0; i < 100; i++) loads.push_back(f.Begin("a key of some length, number " + std::to_string(i)));
  f.loads.Overtake(loads[7]);
  Index spare;
  REQUIRE(f.loads.SpareIndex(&spare));
  f.seed = {3, 4};
  f.loads.Seed(f.seed, &spare);
  for (int i = 0; i < 100; i++) {
    const uint32_t found = f.Find("a key of some length, number " + std::to_string(i));
    REQUIRE(found == (i == 7 ? kNone : loads[static_cast<size_t>(i)]));
  }
  for (const uint32_t load : loads) f.loads.End(load);
  REQUIRE(f.loads.size() == 0);
}

TEST_CASE("a load without memory does not begin, and leaves no handle") {
  const int64_t live = Faults().live;
  {
    Fixture f;
    const std::string key(100, 'k');
    for (int fail_after = 0;; fail_after++) {
      Faults().fail_after = fail_after;
      const uint32_t load = f.Begin(key);
      const bool failed = Faults().fail_after < 0;
      Faults().fail_after = -1;
      if (!failed) break;
      REQUIRE(load == kNone);
      REQUIRE(f.Find(key) == kNone);
      REQUIRE(f.loads.OldestSequence() == Loads::kNoLoad);
    }
    REQUIRE(f.loads.size() == 1);
  }
  REQUIRE(Faults().live == live);
}

TEST_CASE("handles of loads close with the loads") {
  HandleTable handles;
  double handle = 0;
  {
    Loads loads(&handles);
    handle = loads[loads.Begin(nullptr, 0, 7, View("key"), 1)].handle;
    REQUIRE(handles.Find(handle, HandleTable::Kind::kLoad) != nullptr);
  }
  REQUIRE(handles.Find(handle, HandleTable::Kind::kLoad) == nullptr);
}

}  // namespace tiercel::test
