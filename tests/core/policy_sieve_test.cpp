#include <list>
#include <set>

#include "policy_harness.h"

namespace tiercel::test {
namespace {

class SieveModel final : public PolicyModel {
 public:
  void Insert(uint32_t key) override { order_.push_back(key); }
  void Hit(uint32_t key) override { visited_.insert(key); }
  void Remove(uint32_t key) override {
    for (auto at = order_.begin(); at != order_.end(); ++at) {
      if (*at != key) continue;
      if (hand_ == at) ++hand_;
      order_.erase(at);
      break;
    }
    visited_.erase(key);
  }
  uint32_t Victim() override {
    if (hand_ == order_.end()) hand_ = order_.begin();
    while (order_.size() > 1 && (visited_.erase(*hand_) != 0)) {
      if (++hand_ == order_.end()) hand_ = order_.begin();
    }
    return *hand_;
  }

 private:
  std::list<uint32_t> order_;
  std::list<uint32_t>::iterator hand_ = order_.end();
  std::set<uint32_t> visited_;
};

}  // namespace

TEST_CASE("the SIEVE policy evicts what the paper's algorithm does") {
  for (const uint32_t capacity : {1U, 2U, 7U, 33U, 100U}) {
    SieveModel model;
    PolicyCache cache(PolicyKind::kSieve, capacity, 0, &model);
    Exercise(cache, capacity * 2, 20000, capacity);
    cache.DrainAll();
  }
}

TEST_CASE("the SIEVE policy evicts within a bounded number of steps when all entries were hit") {
  constexpr uint32_t kEntries = 20000;
  PolicyCache cache(PolicyKind::kSieve, kEntries, 0);
  for (uint32_t i = 0; i < kEntries; i++) cache.Access(i);
  for (uint32_t i = 0; i < kEntries; i++) REQUIRE(cache.Get(i));
  cache.Access(kEntries);
  // The whole round would have ended at the oldest.
  REQUIRE(cache.Has(0));
  REQUIRE_FALSE(cache.Has(4096));
}

TEST_CASE("the SIEVE policy does not evict an entry for its own new value") {
  PolicyCache cache(PolicyKind::kSieve, 0, 10000);
  Exercise(cache, 100, 20000, 1);
  cache.Resize(0, 3000);
  Exercise(cache, 100, 20000, 2);
  cache.DrainAll();
}

}  // namespace tiercel::test
