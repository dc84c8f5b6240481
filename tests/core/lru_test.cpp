// The LRU policy against the textbook: a list in order of use, replayed hit for hit.
#include <algorithm>
#include <cmath>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

class NaiveLru {
 public:
  explicit NaiveLru(size_t capacity) : capacity_(capacity) {}

  bool Get(uint32_t key) {
    const auto found = where_.find(key);
    if (found == where_.end()) return false;
    order_.splice(order_.begin(), order_, found->second);
    return true;
  }

  bool Peek(uint32_t key) const { return where_.count(key) != 0; }

  void Set(uint32_t key) {
    if (Get(key)) return;
    if (order_.size() == capacity_) {
      where_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    where_[key] = order_.begin();
  }

  void Delete(uint32_t key) {
    const auto found = where_.find(key);
    if (found == where_.end()) return;
    order_.erase(found->second);
    where_.erase(found);
  }

 private:
  const size_t capacity_;
  std::list<uint32_t> order_;  // The last used first.
  std::unordered_map<uint32_t, std::list<uint32_t>::iterator> where_;
};

// Keys 0 to `keys` - 1, of popularity 1 / (rank ^ skew).
std::vector<uint32_t> ZipfTrace(uint32_t keys, double skew, size_t length, uint64_t seed) {
  std::vector<double> sums(keys);
  double sum = 0;
  for (uint32_t i = 0; i < keys; i++) sums[i] = sum += 1 / std::pow(i + 1, skew);
  Random random(seed);
  std::vector<uint32_t> trace(length);
  for (uint32_t& key : trace) {
    const auto at = std::upper_bound(sums.begin(), sums.end(), random.Unit() * sum);
    key = static_cast<uint32_t>(at - sums.begin());
  }
  return trace;
}

std::string Options(size_t capacity, const char* values) {
  return "{\"policy\":\"lru\",\"maxEntries\":" + std::to_string(capacity) + ",\"values\":\"" + values + "\"}";
}

}  // namespace

TEST_CASE("an LRU cache hits where the textbook's does") {
  Engine engine;
  for (const char* values : {"reference", "bytes"}) {
    for (const size_t capacity : {1, 2, 10, 100, 900}) {
      const double cache = engine.Open(Options(capacity, values));
      NaiveLru naive(capacity);
      size_t at = 0;
      for (const uint32_t key : ZipfTrace(1000, 0.9, 20000, capacity)) {
        INFO("request " << at++ << ", capacity " << capacity);
        const std::string name = std::to_string(key);
        const bool hit = naive.Get(key);
        REQUIRE((engine.Get(cache, name, 1) >= 0) == hit);
        if (hit) continue;
        naive.Set(key);
        REQUIRE(engine.Set(cache, name, {}, 1) >= 0);
        engine.RemovalsClear(cache);
      }
      REQUIRE(engine.Close(cache) == TIERCEL_OK);
    }
  }
}

TEST_CASE("an LRU cache keeps its order through sets, peeks, touches and deletes") {
  Engine engine;
  const double cache = engine.Open(Options(20, "bytes"));
  NaiveLru naive(20);
  Random random(1);
  for (int i = 0; i < 30000; i++) {
    const uint32_t key = random.Below(40);
    const std::string name = std::to_string(key);
    switch (random.Below(6)) {
      case 0:
        REQUIRE((engine.Get(cache, name, 1) >= 0) == naive.Get(key));
        break;
      case 1:
        REQUIRE((engine.Get(cache, name, 1, TIERCEL_GET_PEEK) >= 0) == naive.Peek(key));
        break;
      case 2:
        REQUIRE((engine.Touch(cache, name, 0, 1) >= 0) == naive.Peek(key));
        break;
      case 3:
        engine.Delete(cache, name, 1), naive.Delete(key);
        break;
      default:
        engine.Set(cache, name, {}, 1), naive.Set(key);
        break;
    }
  }
}

TEST_CASE("a bound on bytes evicts as many of the oldest as a value needs") {
  Engine engine;
  // Ten entries of 100 bytes: 96, and a value of four.
  const double cache = engine.Open(R"({"policy":"lru","maxBytes":1000,"values":"bytes"})");
  for (int i = 0; i < 10; i++) engine.Set(cache, std::to_string(i), {.value = "abcd"}, 1);
  REQUIRE(engine.Get(cache, "0", 1) >= 0);
  REQUIRE(engine.Set(cache, "x", {.value = std::string(204, 'v')}, 1) >= 0);
  for (const char* evicted : {"1", "2", "3"}) REQUIRE(engine.Get(cache, evicted, 1) == TIERCEL_MISS);
  for (const char* kept : {"0", "4", "9", "x"}) REQUIRE(engine.Get(cache, kept, 1) >= 0);
}

}  // namespace tiercel::test
