#include "adaptive_model.h"
#include "policy_harness.h"

namespace tiercel::test {
namespace {

// Per cent of requests that hit.
struct Hits {
  double policy = 0;
  double model = 0;
};
template <typename Next>
Hits Compare(uint32_t capacity, uint32_t requests, Next next) {
  PolicyCache cache(PolicyKind::kAdaptive, capacity, 0);
  AdaptiveModel model;
  Hits hits;
  for (uint32_t i = 0; i < requests; i++) {
    const uint32_t key = next(i);
    hits.policy += cache.Access(key) ? 100.0 / requests : 0;
    if (model.Has(key)) {
      hits.model += 100.0 / requests;
      model.Hit(key);
      continue;
    }
    model.Miss(key);
    if (model.Count() == capacity) model.Remove(model.Victim());
    model.Insert(key);
  }
  return hits;
}

}  // namespace

TEST_CASE("the adaptive policy of a few entries decides as its model") {
  for (uint32_t capacity = 1; capacity <= 12; capacity++) {
    AdaptiveModel model;
    PolicyCache cache(PolicyKind::kAdaptive, capacity, 0, &model);
    Exercise(cache, capacity * 4, 40000, capacity);
  }
}

TEST_CASE("the adaptive policy of more entries hits as often as its model") {
  Zipf zipf(600, 0.9, 1);
  Random random(2);
  const auto popular = Compare(200, 30000, [&](uint32_t) { return zipf.Next(); });
  const auto loop = Compare(200, 30000, [](uint32_t i) { return i % 300; });
  const auto recent = Compare(200, 30000, [&](uint32_t i) { return i - std::min(i, random.Below(100)); });
  const auto mixed = Compare(200, 30000, [&](uint32_t i) { return i % 2 == 0 ? i : zipf.Next() << 16; });
  for (const Hits& hits : {popular, loop, recent, mixed}) {
    CAPTURE(hits.policy, hits.model);
    REQUIRE(hits.model > 10);
    REQUIRE(std::abs(hits.policy - hits.model) < 1);
  }
}

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

TEST_CASE("the adaptive policy finds the window that the load needs") {
  PolicyCache cache(PolicyKind::kAdaptive, 500, 0);
  // Each key comes twice, 160 keys apart, and never again: recency is all there is. The window begins with 50
  // entries, and the ghosts tell of 126 more.
  uint32_t hits = 0;
  for (uint32_t i = 0; i < 100000; i++) {
    cache.Access(i);
    if (i >= 160) hits += cache.Access(i - 160) ? 1 : 0;
  }
  REQUIRE(hits > 80000);
  const uint64_t window = cache.policy().State().window_target;
  REQUIRE(window >= 150);
  // A loop larger than the cache: what is there should stay there, which is 499 hits a round.
  for (int round = 0; round < 120; round++) {
    if (round == 100) hits = 0;
    for (uint32_t i = 0; i < 1000; i++) hits += cache.Access(1U << 30 | i) ? 1 : 0;
  }
  REQUIRE(hits > 20 * 450);
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
    REQUIRE(state.ghosts <= 152);  // A quarter of the entries and one, of each kind.
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
