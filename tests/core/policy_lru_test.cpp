#include <list>

#include "policy_harness.h"

namespace tiercel::test {
namespace {

class LruModel final : public PolicyModel {
 public:
  void Insert(uint32_t key) override { order_.push_back(key); }
  void Hit(uint32_t key) override {
    order_.remove(key);
    order_.push_back(key);
  }
  void Remove(uint32_t key) override { order_.remove(key); }
  uint32_t Victim() override { return order_.front(); }

 private:
  std::list<uint32_t> order_;
};

}  // namespace

TEST_CASE("the LRU policy evicts in the order of last use, though it notes uses in batches") {
  for (const uint32_t capacity : {1U, 2U, 7U, 33U, 100U}) {
    LruModel model;
    PolicyCache cache(PolicyKind::kLru, capacity, 0, &model);
    Exercise(cache, capacity * 2, 20000, capacity);
    cache.DrainAll();
  }
}

TEST_CASE("the LRU policy keeps its order when the bounds change") {
  LruModel model;
  PolicyCache cache(PolicyKind::kLru, 100, 0, &model);
  for (const uint32_t capacity : {100U, 10U, 60U, 1U, 200U}) {
    cache.Resize(capacity, 0);
    REQUIRE(cache.size() <= capacity);
    Exercise(cache, 150, 5000, capacity);
  }
  cache.Resize(0, 20000);
  Exercise(cache, 150, 5000, 9);
  cache.DrainAll();
}

}  // namespace tiercel::test
