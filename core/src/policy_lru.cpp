#include "list.h"
#include "policy.h"

namespace tiercel {
namespace {

class LruPolicy final : public Policy {
 public:
  explicit LruPolicy(Entries* entries) : entries_(*entries) {}

  void OnInsert(uint32_t slot) override { used_.PushTail(entries_, slot); }

  void OnHit(uint32_t slot) override {
    if (used_.tail == slot) return;
    used_.Remove(entries_, slot);
    used_.PushTail(entries_, slot);
  }

  void OnRemove(uint32_t slot) override { used_.Remove(entries_, slot); }

  uint32_t Victim() override { return used_.head; }

 private:
  Entries& entries_;
  // All live entries, in order of last use, the oldest at the head.
  List<Entry> used_;
};

}  // namespace

Policy* NewLruPolicy(Entries* entries) { return New<LruPolicy>(entries); }

}  // namespace tiercel
