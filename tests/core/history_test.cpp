#include "history.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr auto kRejected = History::kRejected;
constexpr auto kDisplaced = History::kDisplaced;
constexpr auto kNoGhost = History::kNoGhost;

// In no order, and no two the same.
uint32_t Hash(uint32_t key) { return key * 0x9e3779b1; }

void Fill(History& history, uint32_t entries) {
  for (uint32_t i = 1; i <= entries; i++) history.MakeFor(i);
}

void HalveAll(History& history) {
  history.Halve();
  while (history.HalveSome()) {
  }
}

}  // namespace

TEST_CASE("a history never counts too few, and few of its estimates are too high") {
  constexpr uint32_t kKeys = 10000;
  History history;
  Fill(history, kKeys);
  std::vector<uint32_t> counts(kKeys);
  Random random(1);
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < 2 * kKeys; i++) {
    const uint32_t key = random.Below(kKeys);
    const uint32_t expected = std::min(++counts[key], History::kMax);
    const uint32_t estimate = history.Recall(Hash(key)).count;
    REQUIRE(estimate >= expected);
    REQUIRE(estimate <= History::kMax);
    wrong += estimate != expected ? 1 : 0;
  }
  REQUIRE(wrong < 2 * kKeys / 10);
}

TEST_CASE("where all counts of a block are high none of them says anything of a key") {
  History history;
  Fill(history, 1000);
  const uint32_t blocks = 256;
  const auto in_one_block = [&](uint32_t i) { return Hash(i) & ~(blocks - 1); };
  for (uint32_t i = 0; i < 400; i++) history.Leave(in_one_block(i), 12, kNoGhost);
  for (uint32_t i = 400; i < 500; i++) REQUIRE(history.Recall(in_one_block(i)).count == 1);
  // A key of another block is known as well as ever.
  history.Leave(Hash(7) | 1, 12, kNoGhost);
  REQUIRE(history.Recall(Hash(7) | 1).count == 13);
}

TEST_CASE("halving a history is seen at once, and takes calls of bounded work") {
  constexpr uint32_t kEntries = 20000;
  History history;
  Fill(history, kEntries);
  std::vector<uint32_t> counts(1000);
  for (uint32_t key = 0; key < counts.size(); key++) {
    counts[key] = key % 7 + 1;
    history.Leave(Hash(key), counts[key], kNoGhost);
  }
  Random random(1);
  for (int epoch = 0; epoch < 6; epoch++) {
    history.Halve();
    for (uint32_t& count : counts) count /= 2;
    uint32_t calls = 0;
    for (bool more = true; more; calls++) {
      more = history.HalveSome();
      // Whether a block was halved already must not show.
      for (int i = 0; i < 100; i++) {
        const uint32_t key = random.Below(1000);
        if (counts[key] < History::kMax / 2) REQUIRE(history.Recall(Hash(key)).count == ++counts[key]);
      }
    }
    REQUIRE(calls > 3);
    for (uint32_t key = 0; key < counts.size(); key++) {
      REQUIRE(history.Recall(Hash(key)).count == ++counts[key]);
    }
  }
}

TEST_CASE("a count that somebody leaves with is at least that, and never lowered") {
  History history;
  Fill(history, 100);
  history.Leave(5, 9, kNoGhost);
  REQUIRE(history.Recall(5).count == 10);
  history.Leave(5, 3, kNoGhost);
  REQUIRE(history.Recall(5).count == 11);
  history.Leave(5, History::kMax, kNoGhost);
  REQUIRE(history.Recall(5).count == History::kMax);
}

TEST_CASE("a history keeps its counts as it grows, and takes 9 bytes for each of many entries") {
  constexpr uint32_t kEntries = 500000;
  History history;
  history.MakeFor(1);
  for (uint32_t key = 0; key < 50; key++) history.Leave(Hash(key), 12, kNoGhost);
  Fill(history, kEntries);
  for (uint32_t key = 0; key < 50; key++) REQUIRE(history.Recall(Hash(key)).count >= 12);
  REQUIRE(history.memory() < kEntries * 9);
  REQUIRE(history.counters() > kEntries * 10);
}

TEST_CASE("few ghosts are exactly those of their kind that left last, but for those that came back") {
  for (const uint32_t capacity : {1U, 2U, 4U}) {  // Eight have room, whatever their hashes.
    History history;
    Fill(history, 4 * capacity);
    history.SetGhosts(capacity);
    std::deque<uint32_t> models[2];
    Random random(capacity);
    for (uint32_t i = 0; i < 30000; i++) {
      const uint32_t hash = Hash(random.Below(capacity * 8));
      History::Ghost expected = kNoGhost;
      for (const History::Ghost ghost : {kRejected, kDisplaced}) {
        const auto found = std::find(models[ghost].begin(), models[ghost].end(), hash);
        if (found == models[ghost].end()) continue;
        models[ghost].erase(found);
        expected = ghost;
      }
      INFO("call " << i << ", capacity " << capacity);
      REQUIRE(history.Recall(hash).ghost == expected);
      if (expected != kNoGhost && random.Below(4) != 0) continue;
      const History::Ghost ghost = random.Below(3) == 0 ? kRejected : kDisplaced;
      history.Leave(hash, 1, ghost);
      models[ghost].push_back(hash);
      if (models[ghost].size() > capacity) models[ghost].pop_front();
      REQUIRE(history.ghosts(kRejected) == models[kRejected].size());
      REQUIRE(history.ghosts(kDisplaced) == models[kDisplaced].size());
    }
  }
}

TEST_CASE("of many ghosts nearly all that left last are remembered, and none that left long before") {
  constexpr uint32_t kEntries = 40000;
  constexpr uint32_t kGhosts = kEntries / 4;
  for (const uint32_t back : {0U, 2U}) {  // Whether half of them come back, which leaves older ones in.
    History history;
    Fill(history, kEntries);
    history.SetGhosts(kGhosts);
    uint32_t key = 0;
    for (; key < 20 * kGhosts; key++) {
      history.Leave(Hash(key), 1, key % 3 == 0 ? kDisplaced : kRejected);
      if (back != 0 && key % back == 0) history.Recall(Hash(key));
      REQUIRE(history.ghosts(kRejected) <= kGhosts);
      REQUIRE(history.ghosts(kDisplaced) <= kGhosts);
    }
    uint32_t remembered = 0;
    for (uint32_t last = 1; last <= kGhosts; last++) {
      const auto ghost = history.Recall(Hash(key - last)).ghost;
      const bool is_back = back != 0 && (key - last) % back == 0;
      if (is_back) REQUIRE(ghost == kNoGhost);
      if (ghost != kNoGhost) REQUIRE(ghost == ((key - last) % 3 == 0 ? kDisplaced : kRejected));
      remembered += ghost != kNoGhost || is_back ? 1 : 0;
    }
    REQUIRE(remembered > kGhosts * 97 / 100);
    uint32_t invented = 0;
    for (uint32_t old = 0; old < 10 * kGhosts; old++) {
      invented += history.Recall(Hash(old)).ghost != kNoGhost ? 1 : 0;
    }
    // 15 bits and a block are what a ghost is known by.
    REQUIRE(invented < 10 * kGhosts / 1000);
  }
}

TEST_CASE("fewer ghosts are reached with the next that leaves") {
  History history;
  Fill(history, 4000);
  history.SetGhosts(1000);
  for (uint32_t key = 0; key < 1000; key++) history.Leave(Hash(key), 1, kRejected);
  REQUIRE(history.ghosts(kRejected) > 950);
  history.SetGhosts(10);
  for (uint32_t key = 1000; key < 1020; key++) {
    history.Leave(Hash(key), 1, kRejected);
    REQUIRE(history.ghosts(kRejected) <= 10);
  }
  for (uint32_t key = 1010; key < 1020; key++) REQUIRE(history.Recall(Hash(key)).ghost == kRejected);
}

TEST_CASE("a history without memory goes on with what it has") {
  const int64_t live = Faults().live;
  {
    History history;
    Faults().fail_after = 0;
    Faults().and_after = true;
    Fill(history, 100);
    REQUIRE(history.Recall(1).count == 1);
    history.Leave(1, 5, kRejected);
    HalveAll(history);
    REQUIRE(history.Recall(1).ghost == kNoGhost);
    Faults() = {-1, false, Faults().live, Faults().count};
    Fill(history, 300);
    history.Leave(1, 5, kRejected);
    Faults().fail_after = 0;
    Faults().and_after = true;
    Fill(history, 10000);
    Faults() = {-1, false, Faults().live, Faults().count};
    const History::Past past = history.Recall(1);
    REQUIRE(past.count == 6);
    REQUIRE(past.ghost == kRejected);
    history.Clear();
    REQUIRE(history.memory() == 0);
    REQUIRE(history.ghosts(kRejected) == 0);
    REQUIRE(history.Recall(1).ghost == kNoGhost);
  }
  REQUIRE(Faults().live == live);
}

}  // namespace tiercel::test
