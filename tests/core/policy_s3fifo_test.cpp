#include <algorithm>
#include <list>
#include <map>

#include "policy_harness.h"

namespace tiercel::test {
namespace {

// As libCacheSim has it, with its default parameters.
class S3FifoModel final : public PolicyModel {
 public:
  void Miss(uint32_t key) override {
    const size_t before = ghosts_.size();
    ghosts_.remove(key);
    to_main_ = ghosts_.size() != before;
  }
  void Insert(uint32_t key) override {
    (to_main_ ? main_ : small_).push_back(key);
    to_main_ = false;
    hits_[key] = 0;
  }
  void Hit(uint32_t key) override { hits_[key]++; }
  void Remove(uint32_t key) override {
    small_.remove(key);
    main_.remove(key);
  }
  uint32_t Victim() override {
    const size_t size = small_.size() + main_.size();
    const size_t small_target = std::max<size_t>(1, size / 10);
    if (size == 1) return small_.empty() ? main_.front() : small_.front();
    if (main_.size() <= size - small_target) {
      while (!small_.empty()) {
        const uint32_t key = small_.front();
        if (hits_[key] < 2) {
          ghosts_.push_back(key);
          if (ghosts_.size() > size * 9 / 10) ghosts_.pop_front();
          return key;
        }
        small_.pop_front();
        main_.push_back(key);
        hits_[key] = 0;
      }
    }
    for (;;) {
      const uint32_t key = main_.front();
      if (hits_[key] == 0) return key;
      main_.pop_front();
      main_.push_back(key);
      hits_[key] = std::min(hits_[key], 3) - 1;
    }
  }

 private:
  std::list<uint32_t> small_;
  std::list<uint32_t> main_;
  std::list<uint32_t> ghosts_;
  std::map<uint32_t, int> hits_;
  bool to_main_ = false;
};

}  // namespace

TEST_CASE("the S3-FIFO policy evicts what the paper's algorithm does") {
  for (const uint32_t capacity : {1U, 2U, 7U, 33U, 100U, 400U}) {
    S3FifoModel model;
    PolicyCache cache(PolicyKind::kS3Fifo, capacity, 0, &model);
    Zipf zipf(capacity * 4, 0.7, capacity);
    Random random(capacity);
    for (uint32_t i = 0; i < 20000; i++) {
      INFO("access " << i << ", capacity " << capacity);
      const uint32_t key = zipf.Next();
      if (random.Below(50) == 0) {
        cache.Remove(key);
      } else {
        cache.Access(key);
      }
    }
    cache.CheckLinks();
  }
}

TEST_CASE("the S3-FIFO policy keeps its queues whole in bytes, through updates, removals and resizes") {
  PolicyCache cache(PolicyKind::kS3Fifo, 0, 20000);
  for (const uint32_t bytes : {20000U, 2000U, 50000U, 1000U}) {
    cache.Resize(0, bytes);
    Exercise(cache, 200, 10000, bytes);
  }
  cache.Resize(40, 20000);
  Exercise(cache, 200, 10000, 7);
  cache.DrainAll();
}

TEST_CASE("the S3-FIFO policy evicts within a bounded number of steps when all entries were hit") {
  constexpr uint32_t kEntries = 20000;
  PolicyCache cache(PolicyKind::kS3Fifo, kEntries, 0);
  for (uint32_t i = 0; i < kEntries; i++) cache.Access(i);
  for (uint32_t round = 0; round < 3; round++) {
    for (uint32_t i = 0; i < kEntries; i++) REQUIRE(cache.Get(i));
  }
  cache.Access(kEntries);
  REQUIRE(cache.Has(0));
  REQUIRE_FALSE(cache.Has(4096));
}

TEST_CASE("the S3-FIFO policy forgets its ghosts when hashes change") {
  PolicyCache cache(PolicyKind::kS3Fifo, 10, 0);
  for (uint32_t i = 0; i < 30; i++) cache.Access(i);
  REQUIRE(cache.policy().State().ghosts == 9);
  cache.policy().ForgetHashes();
  REQUIRE(cache.policy().State().ghosts == 0);
  Exercise(cache, 30, 1000, 1);
  cache.DrainAll();
}

}  // namespace tiercel::test
