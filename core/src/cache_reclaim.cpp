// How entries leave: one by one in Remove, and what is dead, expired or over a bound in slices.
#include <algorithm>
#include <cmath>

#include "cache.h"

namespace tiercel {

// What an entry counts with its links and its parts of the columns.
uint64_t Cache::FullCost(uint32_t slot) const {
  if (entries_[slot].extra == 0) return entries_.Cost(slot);
  return entries_.Cost(slot) + kExtraCost + scopes_.CountLinks(slot) * kLinkCost;
}

// Counts a removal and writes it to the log. Where the log keeps contents it takes the value over. A slot
// that is replaced and not freed is logged for listeners only: the binding overwrites its value.
void Cache::Record(uint32_t slot, TiercelCause cause, bool freed) {
  counters_.removals[cause]++;
  if (!watched_) {
    if (!bytes_mode_ && freed && !log_.Add({slot, cause})) counters_.lost_events++;
    return;
  }
  Entry& entry = entries_[slot];
  RemovedContents contents;
  contents.ns = scopes_[entry.scope()].handle;
  if (!contents.key.Assign(entry.text())) {
    counters_.lost_events++;
    return;
  }
  if (bytes_mode_) {
    contents.value = entry.value();
    contents.value_bytes = entry.payload;
    contents.format = static_cast<uint32_t>(entry.format);
    entries_.SetValue(slot, nullptr, entry.payload);
  }
  if (!log_.Add({slot, cause}, contents)) counters_.lost_events++;
}

void Cache::Remove(uint32_t slot, TiercelCause cause) {
  Entry& entry = entries_[slot];
  // A load that turns out to depend on it, here or on another stripe, would not find its names any more.
  if ((loads_.size() != 0 || stripes_ != 1) && scopes_.HasNames(slot)) changes_.Note(entry.hash, ++sequence_);
  const uint64_t cost = FullCost(slot);
  bytes_ -= cost;
  if (entry.pinned != 0) {
    pinned_--;
    pinned_bytes_ -= cost;
  } else {
    policy_->OnRemove(slot);
  }
  index_.Erase(entry.hash, slot);
  entries_.SetDeadline(slot, kForever, 0);
  Record(slot, cause, true);
  if (bytes_mode_) Free(entry.value());
  scopes_.Detach(slot, loads_.OldestSequence());
  entry.ReleaseKey();
  entries_.Give(slot);
}

// Why an entry leaves that is pushed out: only what could still be served was evicted.
TiercelCause Cache::CauseOf(uint32_t slot, TiercelCause if_alive) const {
  uint32_t link = kNone;
  if (entries_[slot].sequence < scopes_.newest_stamp()) {
    if (scopes_.DiedBy(slot, &link)) {
      if (link == kNone) return TIERCEL_CAUSE_CLEAR;
      const Scope::Kind kind = scopes_[scopes_.link(link).scope].kind;
      if (kind == Scope::Kind::kNamespace) return TIERCEL_CAUSE_CLEAR;
      const bool is_own_tag = kind == Scope::Kind::kTag && !scopes_.link(link).inherited;
      return is_own_tag ? TIERCEL_CAUSE_TAG : TIERCEL_CAUSE_DEPENDENCY;
    }
    if (BarrierStamp(slot) != 0) return TIERCEL_CAUSE_PATTERN;
  }
  return now_ >= entries_.ServedUntil(slot) ? TIERCEL_CAUSE_EXPIRED : if_alive;
}

// Evicts what is worth least. If that is `keep`, it is only taken off the policy's lists, and *kept false.
bool Cache::EvictOne(uint32_t keep, bool* kept) {
  uint32_t slot = scopes_.DeadSlot();
  if (slot == kNone || slot == keep) slot = policy_->Victim();
  if (slot == kNone) return false;
  if (slot == keep) {
    policy_->OnRemove(slot);
    entries_[slot].policy = 0;
    *kept = false;
    return true;
  }
  Remove(slot, CauseOf(slot, TIERCEL_CAUSE_SIZE));
  return true;
}

bool Cache::IsOver(uint64_t entries, uint64_t bytes) const {
  return (max_entries_ != 0 && entries > max_entries_) || (max_bytes_ != 0 && bytes > max_bytes_);
}

// Makes room for more entries, or for a value of `keep` in place of the one it has, of `cost` bytes. A cache
// that is over its bounds already, because they were lowered, is kept from growing here and brought down by
// Reclaim. Returns false if `keep` was taken off the policy's lists.
bool Cache::MakeRoom(uint64_t entries, uint64_t cost, uint32_t keep) {
  bool kept = true;
  const uint64_t freed = keep == kNone ? 0 : FullCost(keep);
  const uint64_t most_entries = std::max<uint64_t>(max_entries_, entries_.size());
  const uint64_t most_bytes = std::max(max_bytes_, bytes_);
  while ((max_entries_ != 0 && entries_.size() + entries > most_entries) ||
         (max_bytes_ != 0 && bytes_ - freed + cost > most_bytes)) {
    if (!EvictOne(keep, &kept)) break;
  }
  return kept;
}

// Lets an entry count `more` bytes, for which others make room. False if that is not enough: then it was
// removed.
bool Cache::Grow(uint32_t slot, uint64_t more) {
  const bool pinned = entries_[slot].pinned != 0;
  const uint64_t cost = FullCost(slot) + more;
  const uint64_t fixed_bytes = pinned_bytes_ - (pinned ? cost - more : 0);
  if (more != 0 && IsOver(0, fixed_bytes + cost)) {
    Remove(slot, TIERCEL_CAUSE_SIZE);
    return false;
  }
  if (!MakeRoom(0, cost, slot)) {
    policy_->OnInsert(slot);
  }
  bytes_ += more;
  if (pinned) pinned_bytes_ += more;
  return true;
}

// Looks at up to `budget` entries that may be dead or have expired, and evicts up to `evictions` that are
// over the bounds; none of them `keep`, which is alive. Returns how many left.
uint32_t Cache::Reclaim(uint32_t budget, uint32_t evictions, uint32_t keep) {
  uint32_t removed = 0;
  const auto remove = [&](uint32_t slot, TiercelCause if_alive) {
    Remove(slot, CauseOf(slot, if_alive));
    removed++;
  };
  for (; budget != 0; budget--) {
    const uint32_t dead = scopes_.DeadSlot();
    if (dead != kNone) {
      remove(dead, TIERCEL_CAUSE_CLEAR);
    } else if (!rounds_.done() && entries_.used() != 0) {
      const uint32_t slot = rounds_.Next(entries_.used());
      if (entries_.IsLive(slot) && !IsAlive(slot)) remove(slot, TIERCEL_CAUSE_CLEAR);
    } else {
      break;
    }
  }
  if (!barriers_.empty()) barriers_.Settle(rounds_, loads_.OldestSequence());
  for (; budget != 0; budget--) {
    const uint32_t due = entries_.deadlines().FindDue(now_);
    if (due == kNone || due == keep) break;  // A ttl may be too short to change the time.
    remove(due, TIERCEL_CAUSE_EXPIRED);
  }
  bool kept = true;
  for (; evictions != 0 && HasExcess() && EvictOne(keep, &kept); evictions--) removed++;
  if (!kept) {
    removed--;
    policy_->OnInsert(keep);
  }
  return removed;
}

int32_t Cache::Sweep(uint32_t most, double now) {
  Tick(now);
  return Finish(static_cast<int32_t>(Reclaim(most, most)));
}

int32_t Cache::Resize(double max_entries, double max_bytes) {
  // A negative bound stays as it is.
  const auto is_bound = [](double x, double most) { return x < 0 || (x <= most && x == std::floor(x)); };
  if (!is_bound(max_entries, 2147483647.0)) return Bad("max_entries must be an integer up to 2^31 - 1");
  if (!is_bound(max_bytes, 9007199254740991.0)) return Bad("max_bytes must be an integer up to 2^53 - 1");
  const uint64_t entries = max_entries < 0 ? max_entries_ : static_cast<uint64_t>(max_entries);
  const uint64_t bytes = max_bytes < 0 ? max_bytes_ : static_cast<uint64_t>(max_bytes);
  if (entries == 0 && bytes == 0) return Bad("one of max_entries and max_bytes must be more than 0");
  max_entries_ = entries;
  max_bytes_ = bytes;
  index_.Bound(entries == 0 ? kNone : static_cast<uint32_t>(entries));
  policy_->Resize(entries, bytes);
  Reclaim(PerCall().slice, PerCall().shrink_most);
  return Finish(TIERCEL_OK);
}

}  // namespace tiercel
