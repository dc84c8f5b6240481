// How entries leave: one by one in Remove, whole scopes by stamp, and what is dead or over a bound in slices.
#include <algorithm>
#include <cmath>

#include "cache.h"

namespace tiercel {

// Counts a removal and writes it to the log. Where the log keeps contents, takes the value and `key` over.
// A slot that is replaced and not freed is logged for listeners only: the binding overwrites its value.
void Cache::Record(Entry* entry, uint32_t slot, TiercelCause cause, const StoredText& key, bool freed) {
  counters_.removals[cause]++;
  if (!watched_ && (bytes_mode_ || !freed)) return;
  tiercel::Removal removal;
  removal.slot = slot;
  removal.cause = cause;
  if (watched_) {
    removal.ns = scopes_[entry->scope].handle;
    removal.key = key;
    removal.value = entry->value;
    removal.value_bytes = entry->value_bytes;
    removal.format = entry->format;
    entry->value = nullptr;
  }
  if (!log_.Add(removal)) counters_.lost_events++;
}

void Cache::Remove(uint32_t slot, TiercelCause cause) {
  Entry& entry = entries_[slot];
  index_.Erase(entry.hash, slot);
  policy_->OnRemove(slot);
  bytes_ -= entry.cost;
  Record(&entry, slot, cause, entry.key, true);
  if (!watched_) entry.key.Release();
  Free(entry.value);
  scopes_.Detach(slot, loads_.OldestSequence());
  entries_.Give(slot);
}

// Why an entry that a bound pushes out leaves: only what could still be served was evicted.
TiercelCause Cache::CauseOf(const Entry& entry, TiercelCause if_alive) const {
  if (scopes_.IsDead(entry)) return scopes_.DiedByTag(entry) ? TIERCEL_CAUSE_TAG : TIERCEL_CAUSE_CLEAR;
  return now_ >= entry.served_until() ? TIERCEL_CAUSE_EXPIRED : if_alive;
}

bool Cache::EvictOne() {
  uint32_t slot = scopes_.DeadSlot();
  if (slot == kNone) slot = policy_->Victim();
  if (slot == kNone) return false;
  Remove(slot, CauseOf(entries_[slot], TIERCEL_CAUSE_SIZE));
  return true;
}

bool Cache::IsOver(uint64_t entries, uint64_t bytes) const {
  return (max_entries_ != 0 && entries > max_entries_) || (max_bytes_ != 0 && bytes > max_bytes_);
}

// Makes room for more entries, of `cost` bytes. A cache that is over its bounds already, because they were
// lowered, is kept from growing here and brought down by Reclaim.
void Cache::MakeRoom(uint64_t entries, uint64_t cost) {
  const uint64_t most_entries = std::max<uint64_t>(max_entries_, entries_.size());
  const uint64_t most_bytes = std::max(max_bytes_, bytes_);
  while ((max_entries_ != 0 && entries_.size() + entries > most_entries) ||
         (max_bytes_ != 0 && bytes_ + cost > most_bytes)) {
    if (!EvictOne()) return;
  }
}

void Cache::Reclaim(uint32_t budget) {
  for (; budget != 0; budget--) {
    const uint32_t dead = scopes_.DeadSlot();
    if (dead != kNone) {
      Remove(dead, CauseOf(entries_[dead], TIERCEL_CAUSE_CLEAR));
    } else if (sweep_at_ != sweep_end_) {
      const uint32_t slot = sweep_at_++;
      if (entries_.IsLive(slot) && scopes_.IsDead(entries_[slot])) {
        Remove(slot, CauseOf(entries_[slot], TIERCEL_CAUSE_CLEAR));
      }
    } else {
      break;
    }
  }
  for (uint32_t i = 0; i < kShrinkSlice && IsOver(entries_.size(), bytes_) && EvictOne(); i++) {
  }
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
  Reclaim(kSliceMost);
  return Finish(TIERCEL_OK);
}

// ---- Invalidation

double Cache::Clear(uint32_t scope, double now) {
  Tick(now);
  const uint64_t count = scope == Scopes::kRoot ? InvalidateAll() : Invalidate(scope, TIERCEL_CAUSE_CLEAR);
  Reclaim(kSlice);
  Finish(TIERCEL_OK);
  return static_cast<double>(count);
}

uint64_t Cache::InvalidateAll() {
  uint64_t count = 0;
  if (entries_.size() <= kSliceMost) {
    for (uint32_t slot = policy_->Victim(); slot != kNone; slot = policy_->Victim()) {
      if (IsServable(entries_[slot])) count++;
      Remove(slot, CauseOf(entries_[slot], TIERCEL_CAUSE_CLEAR));
    }
  } else {
    count = entries_.size();
    sweep_at_ = 0;
    sweep_end_ = entries_.used();
  }
  scopes_.Stamp(Scopes::kRoot, ++sequence_);
  return count;
}

uint64_t Cache::Invalidate(uint32_t scope, TiercelCause cause) {
  scopes_.Hold(scope);
  uint64_t count = 0;
  if (scopes_.Count(scope) <= kSliceMost) {
    while (scopes_.Count(scope) != 0) {
      const uint32_t slot = scopes_.link(scopes_[scope].entries.head).slot;
      if (IsServable(entries_[slot])) count++;
      Remove(slot, CauseOf(entries_[slot], cause));
    }
  } else {
    count = scopes_.Count(scope);
  }
  // Loads in flight are void by the stamp, entries too many for one call as well.
  scopes_.Stamp(scope, ++sequence_);
  scopes_.Release(scope, loads_.OldestSequence());
  return count;
}

double Cache::InvalidateTags(uint32_t scope, const uint8_t* tags, uint32_t bytes, double now) {
  Tick(now);
  // All are looked at before any is invalidated. The second pass cannot fail: it needs no more room to
  // narrow.
  const int32_t status = EachName(tags, bytes, [](const Text&) { return int32_t{TIERCEL_OK}; });
  if (status != TIERCEL_OK) return status;
  uint64_t count = 0;
  scopes_.Hold(scope);
  (void)EachName(tags, bytes, [&](const Text& name) {
    const uint64_t oldest = loads_.OldestSequence();
    uint32_t tag = scopes_.Find(scope, Scope::Kind::kTag, name);
    // No entry has the tag, but a load in flight may turn out to have it.
    if (tag == kNone && oldest != Loads::kNoLoad) {
      tag = scopes_.FindOrAdd(scope, Scope::Kind::kTag, name, oldest);
      if (tag == kNone) scopes_.RaiseFloor(++sequence_);
    }
    if (tag != kNone) count += Invalidate(tag, TIERCEL_CAUSE_TAG);
    return int32_t{TIERCEL_OK};
  });
  scopes_.Release(scope, loads_.OldestSequence());
  Reclaim(kSlice);
  Finish(TIERCEL_OK);
  return static_cast<double>(count);
}

}  // namespace tiercel
