// How a value comes in: everything that can fail is done first, then nothing can.
#include <cmath>

#include "cache.h"

namespace tiercel {
namespace {

constexpr double kMost = 9007199254740991.0;  // 2^53 - 1

// Entries evicted at most to make an allocation succeed, before the value is refused.
constexpr uint32_t kEvictionsForMemory = 64;

}  // namespace

int32_t Cache::AddTag(uint32_t scope, const Text& name, TagSet* tags) {
  const uint32_t tag = scopes_.FindOrAdd(scope, Scope::Kind::kTag, name, loads_.OldestSequence());
  if (tag == kNone) return TIERCEL_NO_MEMORY;
  if (tags->Has(tag)) return TIERCEL_OK;
  scopes_.Hold(tag);
  if (tags->count == TIERCEL_MAX_TAGS) {
    scopes_.Release(tag, loads_.OldestSequence());
    return TIERCEL_LIMIT;
  }
  tags->tags[tags->count++] = tag;
  return TIERCEL_OK;
}

uint8_t* Cache::AllocateValue(uint32_t bytes) {
  for (uint32_t i = 0;; i++) {
    void* value = Allocate(bytes == 0 ? 1 : bytes);
    if (value != nullptr) return static_cast<uint8_t*>(value);
    if (i == kEvictionsForMemory || !EvictOne()) return nullptr;
  }
}

void Cache::Fill(uint32_t slot, const Incoming& in, uint8_t* value, uint64_t sequence, uint64_t cost,
                 const TagSet& tags) {
  Entry& entry = entries_[slot];
  entry.sequence = sequence;
  entry.value = value;
  entry.value_bytes = bytes_mode_ ? in.value_bytes : 0;
  entry.format = in.format;
  entry.cost = cost;
  Expire(&entry, in.ttl, in.stale);
  scopes_.Attach(slot, tags);
  bytes_ += cost;
  counters_.sets++;
  counters_.adds++;
}

int32_t Cache::Store(uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence, const Incoming& in) {
  const auto is_amount = [](double x) { return x >= 0 && x <= kMost; };  // Not so for NaN.
  if (!is_amount(in.ttl)) return Bad("ttl must be from 0 to 2^53 - 1");
  if (!is_amount(in.stale)) return Bad("stale must be from 0 to 2^53 - 1");
  if (!bytes_mode_ && !is_amount(in.weight)) return Bad("weight must be from 0 to 2^53 - 1");
  if (bytes_mode_ && in.value == nullptr && in.value_bytes != 0)
    return Bad("value is NULL, and value_length not 0");
  // Evictions below may leave the namespace or the tags without an entry; they are needed all the same.
  scopes_.Hold(scope);
  TagSet tags;
  int32_t result =
      EachName(in.tags, in.tags_bytes, [&](const Text& name) { return AddTag(scope, name, &tags); });
  if (result == TIERCEL_OK) {
    const uint64_t payload = bytes_mode_ ? in.value_bytes : static_cast<uint64_t>(std::ceil(in.weight));
    const uint64_t cost = kEntryCost + key.bytes + payload + scopes_.LinksFor(scope, tags.count) * kLinkCost;
    if (max_bytes_ != 0 && cost > max_bytes_) {
      // What the caller meant to replace is out of date; serving it on would be worse than a miss.
      const uint32_t old = Find(scope, hash, key);
      if (old != kNone) Remove(old, CauseOf(entries_[old], TIERCEL_CAUSE_REPLACED));
      counters_.rejected++;
      result = TIERCEL_REJECTED;
    } else {
      result = Insert(scope, hash, key, sequence, in, cost, tags);
    }
  }
  scopes_.Release(tags, loads_.OldestSequence());
  scopes_.Release(scope, loads_.OldestSequence());
  return result;
}

// Takes the old value out of an entry, which keeps its slot, key and place in an iteration.
void Cache::Replace(uint32_t slot) {
  Entry& entry = entries_[slot];
  const TiercelCause cause = CauseOf(entry, TIERCEL_CAUSE_REPLACED);
  StoredText key;
  if (!watched_ || key.Assign(entry.key.view())) {
    Record(&entry, slot, cause, key, false);
  } else {
    counters_.removals[cause]++;
    counters_.lost_events++;
  }
  Free(entry.value);
  entry.value = nullptr;
  bytes_ -= entry.cost;
  entry.cost = 0;
  scopes_.Detach(slot, loads_.OldestSequence());
}

int32_t Cache::Insert(uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence, const Incoming& in,
                      uint64_t cost, const TagSet& tags) {
  uint8_t* value = nullptr;
  if (bytes_mode_) {
    value = AllocateValue(in.value_bytes);
    if (value == nullptr) return TIERCEL_NO_MEMORY;
    if (in.value_bytes != 0) std::memcpy(value, in.value, in.value_bytes);
  }
  uint32_t slot = kNone;
  StoredText stored;
  for (uint32_t i = 0;; i++) {
    slot = Find(scope, hash, key);
    if (scopes_.ReserveLinks(scopes_.LinksFor(scope, tags.count)) && entries_.Reserve() &&
        index_.Reserve([this](uint32_t n) { return entries_[n].hash; }) &&
        (slot != kNone || stored.Assign(key))) {
      break;
    }
    if (i == kEvictionsForMemory || !EvictOne()) {
      Free(value);
      return TIERCEL_NO_MEMORY;
    }
  }

  if (slot != kNone) {
    Replace(slot);
    policy_->OnHit(slot);  // Now the last to be evicted, so not evicted for its own sake.
    MakeRoom(0, cost);
    Fill(slot, in, value, sequence, cost, tags);
    return static_cast<int32_t>(slot);
  }
  MakeRoom(1, cost);
  slot = entries_.Take();
  if (!watched_) log_.ForgetIfLast(slot);
  Entry& entry = entries_[slot];
  entry.key = stored;
  entry.hash = hash;
  entry.scope = scope;
  entry.birth = ++sequence_;
  Fill(slot, in, value, sequence, cost, tags);
  index_.Insert(hash, slot);
  policy_->OnInsert(slot);
  return static_cast<int32_t>(slot);
}

}  // namespace tiercel
