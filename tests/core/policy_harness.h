// A policy on entries, without a cache around it: keys are numbers.
#ifndef TIERCEL_TESTS_CORE_POLICY_HARNESS_H_
#define TIERCEL_TESTS_CORE_POLICY_HARNESS_H_

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <vector>

#include "catch.h"
#include "policy.h"
#include "random.h"

namespace tiercel::test {

// A bijection (the finaliser of MurmurHash3), so that no two keys have one hash.
inline uint32_t HashOf(uint32_t key) {
  uint32_t h = (key ^ (key >> 16)) * 0x85ebca6b;
  h = (h ^ (h >> 13)) * 0xc2b2ae35;
  return h ^ (h >> 16);
}

// What a policy decides, said in keys and in the plainest way.
class PolicyModel {
 public:
  virtual ~PolicyModel() = default;
  virtual void Miss(uint32_t key) { (void)key; }
  virtual void Insert(uint32_t key) = 0;
  virtual void Hit(uint32_t key) = 0;
  virtual void Remove(uint32_t key) = 0;
  virtual uint32_t Victim() = 0;
};

class PolicyCache {
 public:
  PolicyCache(PolicyKind kind, uint64_t max_entries, uint64_t max_bytes, PolicyModel* model = nullptr)
      : policy_(NewPolicy(kind, &entries_, max_entries, max_bytes)),
        model_(model),
        max_entries_(max_entries),
        max_bytes_(max_bytes) {
    REQUIRE(policy_ != nullptr);
  }
  ~PolicyCache() { DeletePolicy(policy_); }
  PolicyCache(const PolicyCache&) = delete;
  PolicyCache& operator=(const PolicyCache&) = delete;

  // Get, and set on a miss. Whether it hit.
  bool Access(uint32_t key, uint32_t weight = 1) {
    if (Get(key)) return true;
    Add(key, weight);
    return false;
  }

  bool Get(uint32_t key) {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return false;
    policy_->OnHit(found->second);
    if (model_ != nullptr) model_->Hit(key);
    return true;
  }

  void Add(uint32_t key, uint32_t weight) {
    const uint64_t cost = entries_.CostOf(0, weight);
    policy_->OnMiss(HashOf(key), cost, 0);
    if (model_ != nullptr) model_->Miss(key);
    MakeRoom(1, cost);
    REQUIRE(entries_.Reserve());
    const uint32_t slot = entries_.Take();
    entries_[slot].hash = HashOf(key);
    entries_[slot].payload = weight;
    slots_[key] = slot;
    keys_.resize(std::max<size_t>(keys_.size(), slot + size_t{1}));
    keys_[slot] = key;
    bytes_ += cost;
    policy_->OnInsert(slot);
    if (model_ != nullptr) model_->Insert(key);
  }

  // Gives an entry another weight, and makes room for it; false if it is not there.
  bool Update(uint32_t key, uint32_t weight) {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return false;
    const uint32_t slot = found->second;
    const uint64_t cost = entries_.CostOf(0, weight);
    policy_->OnUpdate(slot, cost);
    if (model_ != nullptr) model_->Hit(key);
    bytes_ += cost - entries_.Cost(slot);
    entries_[slot].payload = weight;
    MakeRoom(0, 0, slot);
    return true;
  }

  bool Remove(uint32_t key) {
    const auto found = slots_.find(key);
    if (found == slots_.end()) return false;
    Drop(found->second);
    return true;
  }

  void Resize(uint64_t max_entries, uint64_t max_bytes) {
    max_entries_ = max_entries;
    max_bytes_ = max_bytes;
    policy_->Resize(max_entries, max_bytes);
    MakeRoom(0, 0);
  }

  // Every entry is a victim once when nothing comes in: so each is on one list.
  void DrainAll() {
    CheckLinks();
    std::set<uint32_t> left;
    for (const auto& [key, slot] : slots_) left.insert(slot);
    while (!left.empty()) {
      const uint32_t slot = policy_->Victim();
      REQUIRE(left.erase(slot) == 1);
      Drop(slot);
    }
    REQUIRE(policy_->Victim() == kNone);
    REQUIRE(policy_->State().window == 0);
    REQUIRE(policy_->State().protected_ == 0);
  }

  void CheckLinks() {
    for (const auto& [key, slot] : slots_) {
      const Entry& entry = entries_[slot];
      if (entry.next != kNone) REQUIRE(entries_[entry.next].prev == slot);
      if (entry.prev != kNone) REQUIRE(entries_[entry.prev].next == slot);
      REQUIRE((entry.next == kNone || entries_.IsLive(entry.next)));
    }
  }

  bool Has(uint32_t key) const { return slots_.count(key) != 0; }
  size_t size() const { return slots_.size(); }
  Policy& policy() { return *policy_; }

 private:
  void MakeRoom(uint64_t entries, uint64_t bytes, uint32_t updated = kNone) {
    while ((max_entries_ != 0 && slots_.size() + entries > max_entries_) ||
           (max_bytes_ != 0 && bytes_ + bytes > max_bytes_)) {
      const uint32_t slot = policy_->Victim();
      REQUIRE(entries_.IsLive(slot));
      if (slot == updated) REQUIRE(slots_.size() == 1);
      if (model_ != nullptr) REQUIRE(keys_[slot] == model_->Victim());
      Drop(slot);
    }
  }

  void Drop(uint32_t slot) {
    const uint32_t key = keys_[slot];
    policy_->OnRemove(slot);
    if (model_ != nullptr) model_->Remove(key);
    bytes_ -= entries_.Cost(slot);
    slots_.erase(key);
    entries_.Give(slot);
  }

  Entries entries_{false};
  Policy* policy_;
  PolicyModel* model_;
  uint64_t max_entries_;
  uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  std::unordered_map<uint32_t, uint32_t> slots_;
  std::vector<uint32_t> keys_;
};

// Keys below `keys`, popular as 1 / (rank ^ skew), in no order of number.
class Zipf {
 public:
  Zipf(uint32_t keys, double skew, uint64_t seed) : random_(seed), sums_(keys) {
    double sum = 0;
    for (uint32_t i = 0; i < keys; i++) sums_[i] = sum += 1 / std::pow(i + 1, skew);
  }
  uint32_t Next() {
    const auto at = std::upper_bound(sums_.begin(), sums_.end(), random_.Unit() * sums_.back());
    return static_cast<uint32_t>(at - sums_.begin());
  }

 private:
  Random random_;
  std::vector<double> sums_;
};

// Random calls of all kinds, compared with the model's decisions if the cache has one.
inline void Exercise(PolicyCache& cache, uint32_t keys, uint32_t calls, uint64_t seed) {
  Random random(seed);
  Zipf zipf(keys, 0.8, seed);
  for (uint32_t i = 0; i < calls; i++) {
    INFO("call " << i << ", seed " << seed);
    const uint32_t key = zipf.Next();
    const uint32_t weight = random.Below(500);
    switch (random.Below(16)) {
      case 0:
        cache.Remove(key);
        break;
      case 1:
      case 2:
        if (!cache.Update(key, weight)) cache.Add(key, weight);
        break;
      default:
        cache.Access(key, weight);
        break;
    }
    if (i % 1024 == 0) cache.CheckLinks();
  }
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_POLICY_HARNESS_H_
