#include "ghost.h"

#include <algorithm>
#include <deque>

#include "catch.h"
#include "random.h"

namespace tiercel::test {

TEST_CASE("ghosts are those added last, but for those taken out") {
  for (const uint32_t capacity : {1U, 2U, 12U, 100U, 3000U}) {
    Ghosts ghosts;
    std::deque<uint32_t> model;
    ghosts.SetCapacity(capacity);
    Random random(capacity);
    for (uint32_t i = 0; i < 30000; i++) {
      const uint32_t hash = random.Below(capacity * 4) * 0x9e3779b1;
      const auto found = std::find(model.begin(), model.end(), hash);
      INFO("call " << i << ", capacity " << capacity);
      REQUIRE(ghosts.Remove(hash) == (found != model.end()));
      if (found != model.end()) {
        model.erase(found);
        // Most taken out leave: places are left behind, and have to be moved together.
        if (random.Below(4) != 0) continue;
      }
      ghosts.Add(hash);
      model.push_back(hash);
      if (model.size() > capacity) model.pop_front();
      REQUIRE(ghosts.size() == model.size());
    }
  }
}

TEST_CASE("ghosts may have the same hash") {
  Ghosts ghosts;
  ghosts.SetCapacity(100);
  for (int i = 0; i < 3; i++) ghosts.Add(7);
  for (int i = 0; i < 3; i++) REQUIRE(ghosts.Remove(7));
  REQUIRE_FALSE(ghosts.Remove(7));
  for (int i = 0; i < 1000; i++) ghosts.Add(7);  // More than two blocks can hold.
  REQUIRE(ghosts.size() <= 100);
  REQUIRE(ghosts.Remove(7));
}

TEST_CASE("a capacity of no ghosts holds none, and a smaller one is reached in the course of calls") {
  Ghosts ghosts;
  ghosts.SetCapacity(0);
  ghosts.Add(1);
  REQUIRE(ghosts.size() == 0);
  ghosts.SetCapacity(5000);
  for (uint32_t i = 0; i < 5000; i++) ghosts.Add(i);
  ghosts.SetCapacity(10);
  for (uint32_t i = 0; i < 100; i++) ghosts.Add(10000 + i);
  REQUIRE(ghosts.size() == 10);
  for (uint32_t i = 90; i < 100; i++) REQUIRE(ghosts.Remove(10000 + i));
}

TEST_CASE("a ghost takes at most 12 bytes, whatever comes and goes") {
  constexpr uint32_t kCapacity = 100000;
  Ghosts ghosts;
  ghosts.SetCapacity(kCapacity);
  for (uint32_t i = 0; i < kCapacity; i++) ghosts.Add(i);
  REQUIRE(ghosts.size() == kCapacity);
  REQUIRE(ghosts.memory() < kCapacity * 10);
  for (uint32_t i = 0; i < 10 * kCapacity; i++) {
    ghosts.Add(kCapacity + i);
    if (i % 4 != 0) REQUIRE(ghosts.Remove(kCapacity + i));
  }
  REQUIRE(ghosts.memory() < kCapacity * 12);
}

TEST_CASE("ghosts without memory are forgotten and nothing leaks") {
  const int64_t live = Faults().live;
  for (const bool and_after : {false, true}) {
    for (int64_t fail_after = 0; fail_after < 40; fail_after++) {
      Ghosts ghosts;
      ghosts.SetCapacity(2000);
      Faults().fail_after = fail_after;
      Faults().and_after = and_after;
      for (uint32_t i = 0; i < 10000; i++) {
        ghosts.Add(i);
        if (i % 3 == 0) ghosts.Remove(i / 2);
        REQUIRE(ghosts.size() <= 2000);
      }
      Faults() = {-1, false, Faults().live, Faults().count};
      for (uint32_t i = 10000; i < 20000; i++) ghosts.Add(i);
      REQUIRE(ghosts.size() == 2000);
      REQUIRE(ghosts.Remove(19999));
      ghosts.Clear();
      REQUIRE(ghosts.memory() == 0);
      REQUIRE_FALSE(ghosts.Remove(19998));
    }
  }
  REQUIRE(Faults().live == live);
}

}  // namespace tiercel::test
