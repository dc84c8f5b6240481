// Least recently used: entries leave in the order of their last use.
//
// Moving an entry to the end of a list touches its two neighbours, which in a large cache are two misses of
// the processor's caches on every hit. So uses are noted in a small buffer, the neighbours are fetched
// meanwhile, and the moves are made together when the buffer is full, or before if anyone could see that they
// were not: in the end the order is exactly that of the uses.
#include "list.h"
#include "policy.h"

namespace tiercel {
namespace {

// Bits of Entry::policy.
constexpr uint32_t kListed = 1;  // Whether it is on the list; a new entry is only noted at first.
constexpr uint32_t kNoted = 2;

class LruPolicy final : public Policy {
 public:
  explicit LruPolicy(Entries* entries) : entries_(*entries) {}

  void OnInsert(uint32_t slot) override { Note(slot); }

  void OnHit(uint32_t slot) override {
    if (slot == (noted_ == 0 ? order_.tail : notes_[noted_ - 1])) return;
    Entry& entry = entries_[slot];
    if (entry.prev != kNone) __builtin_prefetch(&entries_[entry.prev], 1);
    if (entry.next != kNone) __builtin_prefetch(&entries_[entry.next], 1);
    Note(slot);
  }

  void OnUpdate(uint32_t slot, uint64_t) override { OnHit(slot); }

  void OnRemove(uint32_t slot) override {
    if ((entries_[slot].policy & kNoted) != 0) Apply();
    order_.Remove(entries_, slot);
  }

  uint32_t Victim() override {
    if (order_.head == kNone || (entries_[order_.head].policy & kNoted) != 0) Apply();
    if (order_.head != kNone) {
      const uint32_t next = entries_[order_.head].next;
      if (next != kNone) __builtin_prefetch(&entries_[next], 1);  // OnRemove writes to it.
    }
    return order_.head;
  }

 private:
  static constexpr uint32_t kNotes = 32;

  void Note(uint32_t slot) {
    Entry& entry = entries_[slot];
    entry.policy = entry.policy | kNoted;
    notes_[noted_++] = slot;
    if (noted_ == kNotes) Apply();
  }

  void Apply() {
    for (uint32_t i = 0; i < noted_; i++) {
      Entry& entry = entries_[notes_[i]];
      if ((entry.policy & kListed) != 0) order_.Remove(entries_, notes_[i]);
      entry.policy = kListed;
      order_.PushTail(entries_, notes_[i]);
    }
    noted_ = 0;
  }

  Entries& entries_;
  List<Entry> order_;  // Of last use but for the notes, the oldest at the head.
  // Entries used since, in order, perhaps some more than once. Invariant: all have kNoted, and no others.
  uint32_t notes_[kNotes] = {};
  uint32_t noted_ = 0;
};

}  // namespace

Policy* NewLruPolicy(Entries* entries) { return New<LruPolicy>(entries); }

}  // namespace tiercel
