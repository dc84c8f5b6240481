// SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024): entries in the order in which they came, each
// with a bit that a hit sets. A hand goes from the oldest to the newest and round again; it takes the first
// entry whose bit is clear, and clears those that it passes. New entries come in behind its back, so that
// those hit once stay put and those never hit soon go.
#include "list.h"
#include "policy.h"

namespace tiercel {
namespace {

constexpr uint32_t kVisited = 1;  // The bit, in Entry::policy.
// Entries that the hand passes in one call; then it takes the one it is at.
constexpr uint32_t kMaxSteps = 4096;

class SievePolicy final : public Policy {
 public:
  explicit SievePolicy(Entries* entries) : entries_(*entries) {}

  void OnMiss(uint32_t, uint64_t, uint32_t) override { spared_ = kNone; }

  void OnInsert(uint32_t slot) override { order_.PushTail(entries_, slot); }

  void OnHit(uint32_t slot) override { entries_[slot].policy = kVisited; }

  void OnUpdate(uint32_t slot, uint64_t) override {
    OnHit(slot);
    spared_ = slot;
  }

  void OnRemove(uint32_t slot) override {
    if (slot == hand_) hand_ = entries_[slot].next;
    if (slot == spared_) spared_ = kNone;
    order_.Remove(entries_, slot);
  }

  uint32_t Victim() override {
    if (hand_ == kNone) hand_ = order_.head;
    if (order_.size <= 1) return hand_;
    for (uint32_t step = 0; hand_ == spared_ || (step < kMaxSteps && entries_[hand_].policy != 0); step++) {
      entries_[hand_].policy = 0;
      hand_ = entries_[hand_].next;
      if (hand_ == kNone) hand_ = order_.head;
    }
    return hand_;
  }

 private:
  Entries& entries_;
  List<Entry> order_;        // In which they came, the oldest at the head.
  uint32_t hand_ = kNone;    // The next to look at; kNone: the oldest.
  uint32_t spared_ = kNone;  // The entry being updated, which is not to make room for itself.
};

}  // namespace

Policy* NewSievePolicy(Entries* entries) { return New<SievePolicy>(entries); }

}  // namespace tiercel
