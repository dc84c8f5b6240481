#include "policy_harness.h"

namespace tiercel::test {
namespace {

// Hits on a hot set of a quarter of the capacity in per cent, after a first third that only warms up, when
// `junk` of every 10 accesses are of keys that never come back.
double HotHits(PolicyKind kind, uint32_t capacity, uint32_t junk) {
  PolicyCache cache(kind, capacity, 0);
  Zipf zipf(capacity / 4, 0.9, 3);
  Random random(4);
  uint32_t hits = 0;
  uint32_t hot = 0;
  uint32_t next_junk = 1U << 30;
  for (uint32_t wanted = 0; wanted < capacity * 60;) {
    if (random.Below(10) < junk) {
      cache.Access(next_junk++);
      continue;
    }
    const bool hit = cache.Access(zipf.Next());
    if (wanted++ < capacity * 20) continue;
    hot++;
    hits += hit ? 1 : 0;
  }
  return 100.0 * hits / hot;
}

}  // namespace

TEST_CASE("the adaptive policy has each entry on one list, through updates, removals and resizes") {
  for (const uint32_t capacity : {1U, 2U, 3U, 7U, 33U, 100U}) {
    PolicyCache cache(PolicyKind::kAdaptive, capacity, 0);
    Exercise(cache, capacity * 3, 20000, capacity);
    REQUIRE(cache.size() <= capacity);
    cache.DrainAll();
  }
  PolicyCache cache(PolicyKind::kAdaptive, 0, 20000);
  for (const uint32_t bytes : {20000U, 2000U, 50000U, 1000U, 30000U}) {
    cache.Resize(0, bytes);
    Exercise(cache, 300, 10000, bytes);
  }
  cache.Resize(30, 30000);
  Exercise(cache, 300, 10000, 7);
  cache.DrainAll();
  Exercise(cache, 300, 1000, 8);
}

TEST_CASE("the adaptive policy keeps a hot set when nine of ten keys are junk") {
  const double clean = HotHits(PolicyKind::kAdaptive, 2000, 0);
  const double attacked = HotHits(PolicyKind::kAdaptive, 2000, 9);
  CAPTURE(clean, attacked);
  REQUIRE(attacked >= clean - 3);
  // The test would tell: it costs LRU much more.
  REQUIRE(HotHits(PolicyKind::kLru, 2000, 9) < HotHits(PolicyKind::kLru, 2000, 0) - 3);
}

TEST_CASE("the adaptive policy finds the window that the load needs") {
  PolicyCache cache(PolicyKind::kAdaptive, 500, 0);
  // Each key comes twice, 120 keys apart, and never again: recency is all there is.
  uint32_t hits = 0;
  for (uint32_t i = 0; i < 100000; i++) {
    cache.Access(i);
    if (i >= 120) hits += cache.Access(i - 120) ? 1 : 0;
  }
  REQUIRE(hits > 80000);
  const uint64_t window = cache.policy().State().window_target;
  REQUIRE(window >= 110);
  // A loop larger than the cache: what is there should stay there.
  for (int round = 0; round < 60; round++) {
    if (round == 20) hits = 0;
    for (uint32_t i = 0; i < 1000; i++) hits += cache.Access(1U << 30 | i) ? 1 : 0;
  }
  REQUIRE(hits > 40 * 300);
  REQUIRE(cache.policy().State().window_target < window);
}

TEST_CASE("the adaptive policy decides the same again, and tells of itself") {
  std::vector<bool> decisions[2];
  for (auto& hits : decisions) {
    PolicyCache cache(PolicyKind::kAdaptive, 300, 0);
    Zipf zipf(1000, 0.9, 1);
    for (int i = 0; i < 20000; i++) hits.push_back(cache.Access(zipf.Next()));
    const PolicyState state = cache.policy().State();
    REQUIRE(state.window <= state.window_target);
    REQUIRE(state.protected_ <= 300);
    REQUIRE(state.ghosts > 0);
    REQUIRE(state.ghosts <= 150);
    REQUIRE(state.sketch_counters > 0);
    REQUIRE(state.memory > 0);
    cache.policy().ForgetHashes();
    REQUIRE(cache.policy().State().ghosts == 0);
    for (int i = 0; i < 20000; i++) hits.push_back(cache.Access(zipf.Next()));
  }
  REQUIRE(decisions[0] == decisions[1]);
}

TEST_CASE("the adaptive policy remembers in at most 10 bytes for each of many entries") {
  constexpr uint32_t kEntries = 300000;
  PolicyCache cache(PolicyKind::kAdaptive, kEntries, 0);
  for (uint32_t i = 0; i < kEntries * 2; i++) cache.Access(i);
  REQUIRE(cache.policy().State().memory < kEntries * 10);
}

TEST_CASE("the adaptive policy works without memory of its own") {
  PolicyCache cache(PolicyKind::kAdaptive, 200, 0);
  for (uint32_t i = 0; i < 200; i++) cache.Access(i);
  cache.policy().ForgetHashes();
  for (int round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < 100; i++) {
      cache.Remove(i);
      Faults().fail_after = round % 4;
      Faults().and_after = true;
      cache.policy().OnMiss(HashOf(i), 1, 0);
      const uint32_t victim = cache.policy().Victim();
      Faults() = {-1, false, Faults().live, Faults().count};
      REQUIRE(victim != kNone);
      cache.Access(i);
    }
  }
  cache.DrainAll();
}

}  // namespace tiercel::test
