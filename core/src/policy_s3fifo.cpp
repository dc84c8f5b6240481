// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), as libCacheSim has it:
// new entries pass through a small queue, a tenth of the cache; those hit twice there go on to the main
// queue, the others leave and are remembered as ghosts. A key that comes back while it is a ghost goes to the
// main queue at once. The main queue gives an entry that was hit another round for each of its last hits, up
// to three.
//
// A tenth is meant of what the cache holds when it has to evict, in entries, or in bytes if those are what it
// has no more room for.
#include "ghost.h"
#include "list.h"
#include "policy.h"

namespace tiercel {
namespace {

// Bits of Entry::policy.
constexpr uint32_t kHits = 3;  // A counter, that stops at 3.
constexpr uint32_t kMain = 4;
constexpr uint32_t kPrintShift = 3;
constexpr uint32_t kAll = 0x1ff;

constexpr uint32_t kPromotion = 2;  // Hits that it takes to get from the small queue to the main one.
// Entries looked at in one call; then the oldest leaves whatever its hits.
constexpr uint32_t kMaxSteps = 4096;

class S3FifoPolicy final : public Policy {
 public:
  S3FifoPolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes)
      : entries_(*entries), max_entries_(max_entries), max_bytes_(max_bytes) {}

  // In a large cache some keys share 32 bits of hash with a ghost. 6 more make that rare.
  bool WantsPrint() const override { return true; }

  void OnMiss(uint32_t hash, uint64_t, uint32_t print) override {
    was_ghost_ = ghosts_.Remove(hash, print);
    print_ = print;
    spared_ = kNone;
  }

  void OnInsert(uint32_t slot) override {
    Push(was_ghost_ ? main_ : small_, slot);
    entries_[slot].policy = ((was_ghost_ ? kMain : 0) | print_ << kPrintShift) & kAll;
    was_ghost_ = false;
  }

  void OnHit(uint32_t slot) override {
    Entry& entry = entries_[slot];
    if ((entry.policy & kHits) != kHits) entry.policy = (entry.policy + 1) & kAll;
  }

  void OnUpdate(uint32_t slot, uint64_t cost) override {
    OnHit(slot);
    QueueOf(slot).bytes += cost - entries_.Cost(slot);
    spared_ = slot;
  }

  void OnRemove(uint32_t slot) override {
    Remove(QueueOf(slot), slot);
    if (slot == spared_) spared_ = kNone;
  }

  uint32_t Victim() override {
    const uint32_t entries = small_.list.size + main_.list.size;
    if (entries <= 1) return entries == 0 ? kNone : (small_.list.size != 0 ? small_ : main_).list.head;
    const bool by_bytes = max_entries_ == 0 || (max_bytes_ != 0 && entries < max_entries_);
    const uint64_t total = by_bytes ? small_.bytes + main_.bytes : entries;
    const uint64_t small_target = total < 10 ? 1 : total / 10;
    const bool from_main = (by_bytes ? main_.bytes : main_.list.size) > total - small_target;
    for (uint32_t step = 0;; step++) {
      const bool is_last = step >= kMaxSteps;
      const bool has_main = main_.list.size > (main_.list.head == spared_ ? 1 : 0);
      const bool looks_at_main = (from_main && has_main) || small_.list.size == 0;
      const uint32_t slot = looks_at_main ? LookAtMain(is_last) : LookAtSmall(is_last, entries);
      if (slot != kNone) return slot;
    }
  }

  void Resize(uint64_t max_entries, uint64_t max_bytes) override {
    max_entries_ = max_entries;
    max_bytes_ = max_bytes;
  }

  void ForgetHashes() override { ghosts_.Clear(); }

  PolicyState State() const override { return {.ghosts = ghosts_.size(), .memory = ghosts_.memory()}; }

 private:
  struct Queue {
    List<Entry> list;  // The oldest at the head.
    uint64_t bytes = 0;
  };

  Queue& QueueOf(uint32_t slot) { return (entries_[slot].policy & kMain) != 0 ? main_ : small_; }

  void Push(Queue& queue, uint32_t slot) {
    queue.list.PushTail(entries_, slot);
    queue.bytes += entries_.Cost(slot);
  }

  void Remove(Queue& queue, uint32_t slot) {
    queue.list.Remove(entries_, slot);
    queue.bytes -= entries_.Cost(slot);
  }

  // The oldest of the queue if it is to leave, else kNone and it went to where it belongs.
  uint32_t LookAtMain(bool is_last) {
    const uint32_t slot = main_.list.head;
    Entry& entry = entries_[slot];
    const uint32_t hits = entry.policy & kHits;
    if (slot != spared_ && (hits == 0 || is_last)) return slot;
    Remove(main_, slot);
    Push(main_, slot);
    if (hits != 0) entry.policy = (entry.policy - 1) & kAll;
    return kNone;
  }

  uint32_t LookAtSmall(bool is_last, uint32_t entries) {
    const uint32_t slot = small_.list.head;
    Entry& entry = entries_[slot];
    if (slot != spared_ && ((entry.policy & kHits) < kPromotion || is_last)) {
      ghosts_.SetCapacity(uint64_t{entries} * 9 / 10);
      ghosts_.Add(entry.hash, entry.policy >> kPrintShift);
      return slot;
    }
    Remove(small_, slot);
    Push(main_, slot);
    entry.policy = ((entry.policy & ~uint64_t{kHits}) | kMain) & kAll;
    return kNone;
  }

  Entries& entries_;
  uint64_t max_entries_;  // 0: no bound.
  uint64_t max_bytes_;
  // Invariant: an entry with kMain is in main_, any other in small_.
  Queue small_;
  Queue main_;
  Ghosts ghosts_;            // Of entries that left the small queue.
  bool was_ghost_ = false;   // Whether the entry that comes in was.
  uint32_t print_ = 0;       // Its print.
  uint32_t spared_ = kNone;  // The entry being updated, which is not to make room for itself.
};

}  // namespace

Policy* NewS3FifoPolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes) {
  return New<S3FifoPolicy>(entries, max_entries, max_bytes);
}

}  // namespace tiercel
