#include "sketch.h"

#include <algorithm>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

void Fill(Sketch& sketch, uint32_t entries) {
  for (uint32_t i = 1; i <= entries; i++) sketch.MakeFor(i);
}

}  // namespace

TEST_CASE("a sketch never counts too few, and few of its estimates are too high") {
  constexpr uint32_t kKeys = 10000;
  Sketch sketch;
  Fill(sketch, kKeys);
  std::vector<uint32_t> counts(kKeys);
  Random random(1);
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < 2 * kKeys; i++) {
    const uint32_t key = random.Below(kKeys);
    const uint32_t expected = std::min(++counts[key], Sketch::kMax);
    const uint32_t estimate = sketch.Add(key * 0x9e3779b1);
    REQUIRE(estimate >= expected);
    REQUIRE(estimate <= Sketch::kMax);
    wrong += estimate != expected ? 1 : 0;
  }
  REQUIRE(wrong < 2 * kKeys / 10);
}

TEST_CASE("a sketch halves every count once in a period") {
  constexpr uint32_t kEntries = 20000;
  Sketch sketch;
  Fill(sketch, kEntries);
  for (int i = 0; i < 9; i++) sketch.Add(77);
  for (uint32_t epoch = 1; epoch <= 3; epoch++) {
    uint64_t ticks = 0;
    for (; sketch.epoch() < epoch; ticks++) sketch.Tick();
    REQUIRE(ticks >= 10 * kEntries);
    REQUIRE(ticks < 11 * kEntries);
    REQUIRE(sketch.Add(77) == std::vector<uint32_t>{0, 5, 3, 2}[epoch]);
  }
}

TEST_CASE("a count that is raised is at least that, and never lowered") {
  Sketch sketch;
  Fill(sketch, 100);
  sketch.Raise(5, 9);
  REQUIRE(sketch.Add(5) == 10);
  sketch.Raise(5, 3);
  REQUIRE(sketch.Add(5) == 11);
  sketch.Raise(5, Sketch::kMax);
  REQUIRE(sketch.Add(5) == Sketch::kMax);
}

TEST_CASE("a sketch keeps its counts as it grows, and takes 4 bytes for each of many entries") {
  constexpr uint32_t kEntries = 500000;
  Sketch sketch;
  sketch.MakeFor(1);
  for (uint32_t key = 0; key < 50; key++) sketch.Raise(key, 12);
  Fill(sketch, kEntries);
  for (uint32_t key = 0; key < 50; key++) REQUIRE(sketch.Add(key) >= 12);
  REQUIRE(sketch.memory() < kEntries * 9 / 2);
  REQUIRE(sketch.counters() > kEntries * 8);
}

TEST_CASE("a sketch without memory goes on with what it has") {
  const int64_t live = Faults().live;
  {
    Sketch sketch;
    Faults().fail_after = 0;
    Faults().and_after = true;
    Fill(sketch, 100);
    REQUIRE(sketch.Add(1) == 1);
    sketch.Raise(1, 5);
    for (int i = 0; i < 10000; i++) sketch.Tick();
    REQUIRE(sketch.epoch() > 0);
    Faults() = {-1, false, Faults().live, Faults().count};
    Fill(sketch, 300);
    sketch.Raise(1, 5);
    Faults().fail_after = 0;
    Faults().and_after = true;
    Fill(sketch, 10000);
    Faults() = {-1, false, Faults().live, Faults().count};
    REQUIRE(sketch.Add(1) == 6);
    sketch.Clear();
    REQUIRE(sketch.memory() == 0);
  }
  REQUIRE(Faults().live == live);
}

}  // namespace tiercel::test
