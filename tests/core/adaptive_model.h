// The adaptive policy in the plainest way: exact counts of all keys, halved at once, and exact lists of
// ghosts. The policy has a sketch, counts in entries and cells of ghosts instead, and for a few keys it must
// decide the same.
#ifndef TIERCEL_TESTS_CORE_ADAPTIVE_MODEL_H_
#define TIERCEL_TESTS_CORE_ADAPTIVE_MODEL_H_

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <unordered_map>

#include "policy_harness.h"

namespace tiercel::test {

class AdaptiveModel final : public PolicyModel {
 public:
  void Miss(uint32_t key) override {
    Use(key);
    into_ = &window_;
    is_coming_ = true;
    const double rejected = Size(rejected_);
    const double displaced = Size(displaced_);
    const double step = 1 / (80 * std::floor(256 * std::sqrt(std::max<double>(Count(), 1))) / 256);
    if (Erase(rejected_, key)) {
      into_ = &probation_;
      share_ = std::min(0.99, share_ + 0.8 * step * std::max(1.0, displaced / rejected));
    } else if (Erase(displaced_, key)) {
      share_ = std::max(0.01, share_ - step * std::max(1.0, rejected / displaced));
    }
  }

  void Insert(uint32_t key) override {
    into_->push_back(key);
    is_coming_ = false;
    period_ = 8 * std::max(Count(), 128U);
    while (window_.size() > 1 && Size(window_) > WindowTarget()) MoveFirst(window_, probation_);
    Demote();
  }

  void Hit(uint32_t key) override {
    Use(key);
    if (Erase(window_, key)) {
      window_.push_back(key);
    } else {
      visited_.insert(key);
    }
  }

  void Remove(uint32_t key) override {
    for (auto* list : {&window_, &probation_, &protected_}) Erase(*list, key);
    visited_.erase(key);
    if (key == leaving_) leaves_to_->push_back(key);
    leaving_ = kNone;
  }

  uint32_t Victim() override {
    const bool is_over = Size(window_) + (is_coming_ && into_ == &window_ ? 1 : 0) > WindowTarget();
    while (Main() != nullptr && visited_.count(Main()->front()) != 0) {
      MoveFirst(*Main(), protected_);
      Demote();
    }
    if (Main() == nullptr || (is_over && !window_.empty() && !Wins(window_.front(), Main()->front()))) {
      leaves_to_ = &rejected_;
      leaving_ = window_.empty() ? kNone : window_.front();
    } else {
      leaves_to_ = &displaced_;
      leaving_ = Main()->front();
      if (is_over && !window_.empty()) MoveFirst(window_, probation_);
    }
    while (Size(*leaves_to_) > Count() / 4) leaves_to_->pop_front();
    return leaving_;
  }

  bool Has(uint32_t key) const {
    return std::any_of(std::begin(lists_), std::end(lists_), [&](const auto* list) {
      return std::find(list->begin(), list->end(), key) != list->end();
    });
  }
  uint32_t Count() const { return Size(window_) + Size(probation_) + Size(protected_); }

 private:
  using Keys = std::deque<uint32_t>;

  static uint32_t Size(const Keys& keys) { return static_cast<uint32_t>(keys.size()); }
  static bool Erase(Keys& keys, uint32_t key) {
    const auto found = std::find(keys.begin(), keys.end(), key);
    if (found == keys.end()) return false;
    keys.erase(found);
    return true;
  }

  uint32_t WindowTarget() const {
    // A policy that counts in integers falls short of what is a whole number here.
    return std::max(1U, static_cast<uint32_t>(Count() * share_ - 1e-5));
  }

  void Use(uint32_t key) {
    if (++ticks_ >= period_) {
      ticks_ = 0;
      for (auto& [other, count] : counts_) count /= 2;
    }
    counts_[key] = std::min(counts_[key] + 1, 15U);
  }

  // The list that the main part's next to leave is on.
  Keys* Main() { return !probation_.empty() ? &probation_ : !protected_.empty() ? &protected_ : nullptr; }

  void MoveFirst(Keys& from, Keys& to) {
    const uint32_t key = from.front();
    from.pop_front();
    visited_.erase(key);
    to.push_back(key);
  }

  void Demote() {
    for (int i = 0; i < 8 && protected_.size() > 1; i++) {
      if (Size(protected_) <= (Count() - std::min(WindowTarget(), Count())) * 4 / 5) return;
      const bool stays = visited_.count(protected_.front()) != 0;
      MoveFirst(protected_, stays ? protected_ : probation_);
    }
  }

  bool Wins(uint32_t candidate, uint32_t victim) {
    const uint32_t uses = counts_[candidate];
    const uint32_t others = counts_[victim];
    if (uses > std::min(std::max(others + others / 4, 1U), others == 15 ? 15U : 14U)) return true;
    if (uses < 6) return false;
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return random_ >> 57 == 0;
  }

  Keys window_, probation_, protected_;  // The oldest first.
  const Keys* lists_[3] = {&window_, &probation_, &protected_};
  Keys rejected_, displaced_;
  std::set<uint32_t> visited_;
  std::unordered_map<uint32_t, uint32_t> counts_;
  uint64_t ticks_ = 0;
  uint64_t period_ = 1280;
  double share_ = 0.1;
  uint64_t random_ = 1;
  Keys* into_ = nullptr;
  bool is_coming_ = false;
  Keys* leaves_to_ = nullptr;
  uint32_t leaving_ = kNone;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_ADAPTIVE_MODEL_H_
