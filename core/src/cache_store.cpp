// How a value comes in: everything that can fail is done first, then nothing can.
#include <algorithm>

#include "cache.h"

namespace tiercel {
namespace {

constexpr double kMost = 9007199254740991.0;  // 2^53 - 1
constexpr uint32_t kFormats = 8;
constexpr uint32_t kPrintOf = 0xff;  // In place of a kind of name: a second hash of a key.

// Entries evicted at most to make an allocation succeed, before the value is refused.
constexpr uint32_t kEvictionsForMemory = 64;

bool IsAmount(double x) { return x >= 0 && x <= kMost; }  // Not so for NaN.

// As std::ceil, which is a call where the machine has no instruction for it.
uint64_t RoundUp(double amount) {
  const auto whole = static_cast<uint64_t>(amount);
  return whole + (static_cast<double>(whole) < amount ? 1 : 0);
}

}  // namespace

// ---- Tags and dependencies

int32_t Cache::AddName(uint32_t name_scope, bool inherited, Names* names) {
  const uint32_t i = names->Find(name_scope);
  const bool is_new = i == names->count;
  const bool is_own_tag = !inherited && scopes_[name_scope].kind == Scope::Kind::kTag;
  const bool counts = is_own_tag && (is_new || names->inherited[i]);
  if (is_new) scopes_.Hold(name_scope);
  if ((is_new && i == TIERCEL_MAX_NAMES) || (counts && names->own_tags == TIERCEL_MAX_TAGS)) {
    if (is_new) scopes_.Release(name_scope, loads_.OldestSequence());
    return TIERCEL_LIMIT;
  }
  names->own_tags += counts ? 1 : 0;
  names->inherited[i] = is_new ? inherited : names->inherited[i] && inherited;
  names->scopes[i] = name_scope;
  names->count += is_new ? 1 : 0;
  return TIERCEL_OK;
}

// Adds the tags and dependencies of an entry that another, of this key in the same namespace, depends on.
int32_t Cache::Inherit(uint32_t scope, const Text& key, const Text& dependency, Names* names) {
  const uint32_t slot = Find(scope, Hash(scope, dependency), dependency);
  if (slot == kNone || !IsAlive(slot)) return TIERCEL_OK;
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone; i = scopes_.link(i).sibling) {
    const uint32_t other = scopes_.link(i).scope;
    const Scope& s = scopes_[other];
    const bool is_own_key = s.kind == Scope::Kind::kKey && s.parent == scope && s.name.Equals(key);
    if (s.kind == Scope::Kind::kNamespace || is_own_key) continue;
    const int32_t status = AddName(other, true, names);
    if (status != TIERCEL_OK) return status;
  }
  return TIERCEL_OK;
}

// Adds what a packed list names for an entry of this key. With an entry that it depends on come the tags and
// dependencies of that: then whatever invalidates one invalidates the other.
int32_t Cache::AddNames(uint32_t scope, const Text& key, const uint8_t* list, uint32_t bytes, Names* names) {
  return EachName(list, bytes, [&](const Text& name, bool is_key, bool inherited) {
    const auto kind = is_key ? Scope::Kind::kKey : Scope::Kind::kTag;
    const uint32_t found = scopes_.FindOrAdd(scope, kind, name, loads_.OldestSequence());
    if (found == kNone) return int32_t{TIERCEL_NO_MEMORY};
    scopes_.Hold(found);
    // An entry that depends on itself would be gone as soon as it is stored.
    int32_t status = is_key && name.Equals(key) ? int32_t{TIERCEL_OK} : AddName(found, inherited, names);
    if (is_key) {
      changes_.Start();
      // What is inherited was given with all that comes with it.
      if (status == TIERCEL_OK && !inherited) status = Inherit(scope, key, name, names);
    }
    scopes_.Release(found, loads_.OldestSequence());
    return status;
  });
}

int32_t Cache::AddTags(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding,
                       const uint8_t* tags, uint32_t tags_bytes, double now) {
  Tick(now);
  r_[TIERCEL_R_CHANGED] = 0;
  Key found;
  int32_t status = FindKey(scope, key, bytes, encoding, &found);
  if (status != TIERCEL_OK) return status;
  const uint32_t slot = found.slot;
  if (slot == kNone || !IsServable(slot)) {
    ReclaimSome();
    return Finish(TIERCEL_MISS);
  }
  scopes_.Hold(scope);
  Names names;
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone; i = scopes_.link(i).sibling) {
    const uint32_t other = scopes_.link(i).scope;
    if (scopes_[other].kind != Scope::Kind::kNamespace)
      (void)AddName(other, scopes_.link(i).inherited, &names);
  }
  const uint32_t before = names.count;
  status = EachName(tags, tags_bytes, [&](const Text& name, bool is_key, bool) {
    if (is_key) return Bad("tags holds a key");
    const uint32_t tag = scopes_.FindOrAdd(scope, Scope::Kind::kTag, name, loads_.OldestSequence());
    return tag == kNone ? int32_t{TIERCEL_NO_MEMORY} : AddName(tag, false, &names);
  });
  const uint32_t more = names.count - before;
  const bool needs_extra = more != 0 && entries_[slot].extra == 0;
  const uint64_t cost = more * kLinkCost + (needs_extra ? kExtraCost : 0);
  int32_t result = status == TIERCEL_OK ? static_cast<int32_t>(slot) : status;
  if (status == TIERCEL_OK && !ReserveLinks(slot, scopes_.LinksFor(scope, names.count))) {
    result = TIERCEL_NO_MEMORY;
  } else if (status == TIERCEL_OK && !Grow(slot, cost)) {
    counters_.rejected++;
    result = TIERCEL_REJECTED;
  }
  if (result >= 0) {
    scopes_.Detach(slot, loads_.OldestSequence());
    if (names.count != 0) entries_[slot].extra = 1;
    // It was alive until now, whatever became of its new tags before.
    entries_[slot].SetSequence(++sequence_);
    scopes_.Attach(slot, scope, names);
    // What depends on it does not have the new tags.
    if (more != 0) Changed(scope, found.hash, found.text);
  }
  scopes_.Release(names, loads_.OldestSequence());
  scopes_.Release(scope, loads_.OldestSequence());
  ReclaimSome(result);
  return Finish(result);
}

// ---- Values

uint8_t* Cache::AllocateValue(uint32_t bytes) {
  for (uint32_t i = 0;; i++) {
    void* value = Allocate(bytes == 0 ? 1 : bytes);
    if (value != nullptr) return static_cast<uint8_t*>(value);
    if (i == kEvictionsForMemory || !EvictOne()) return nullptr;
  }
}

int32_t Cache::Store(const Key& key, uint64_t sequence, const Incoming& in) {
  if (!IsAmount(in.ttl)) return Bad("ttl must be from 0 to 2^53 - 1");
  if (!IsAmount(in.stale)) return Bad("stale must be from 0 to 2^53 - 1");
  if (!bytes_mode_ && !IsAmount(in.weight)) return Bad("weight must be from 0 to 2^53 - 1");
  if (bytes_mode_ && in.value == nullptr && in.value_bytes != 0)
    return Bad("value is NULL, and value_length not 0");
  if (in.format >= kFormats) return Bad("format must be less than 8");
  if (in.flags > TIERCEL_SET_PINNED) return Bad("flags must be of TiercelSetFlags");
  // Evictions below may leave the namespace or the names without an entry; they are needed all the same.
  scopes_.Hold(key.scope);
  Names names;
  int32_t result = AddNames(key.scope, key.text, in.names, in.names_bytes, &names);
  if (result == TIERCEL_OK) result = Place(key, sequence, in, names);
  scopes_.Release(names, loads_.OldestSequence());
  scopes_.Release(key.scope, loads_.OldestSequence());
  return result;
}

// Stores what was read from the caller's arguments, if it has room.
int32_t Cache::Place(const Key& key, uint64_t sequence, const Incoming& in, const Names& names) {
  Needs needs;
  needs.links = scopes_.LinksFor(key.scope, names.count);
  needs.stale = in.stale != 0;
  needs.deadline = in.ttl != 0 || needs.stale;
  needs.extra = needs.links != 0 || needs.deadline;
  needs.own_cost = entries_.CostOf(key.text.bytes + (key.scope != Scopes::kRoot ? sizeof(uint32_t) : 0),
                                   bytes_mode_ ? in.value_bytes : RoundUp(in.weight));
  needs.cost = needs.own_cost + needs.links * kLinkCost + (needs.extra ? kExtraCost : 0);
  const uint32_t old = key.slot;
  const bool was_pinned = old != kNone && entries_[old].pinned != 0;
  // What is pinned stays; only the rest of the budget can be made free.
  const uint64_t fixed_bytes = pinned_bytes_ - (was_pinned ? FullCost(old) : 0);
  const uint64_t fixed = pinned_ - (was_pinned ? 1 : 0);
  if (!IsOver(fixed + 1, fixed_bytes + needs.cost)) return Insert(key, sequence, in, needs, names);
  // What the caller meant to replace is out of date; serving it on would be worse than a miss.
  if (old != kNone) Remove(old, CauseOf(old, TIERCEL_CAUSE_REPLACED));
  counters_.rejected++;
  return TIERCEL_REJECTED;
}

// Room for links of the entry in this slot, which may be the next free one.
bool Cache::ReserveLinks(uint32_t slot, uint32_t links) {
  return links == 0 || (scopes_.ReserveLinks(links) && entries_.ReserveLinks(slot));
}

int32_t Cache::Insert(Key key, uint64_t sequence, const Incoming& in, const Needs& needs,
                      const Names& names) {
  uint8_t* value = nullptr;
  if (bytes_mode_) {
    value = AllocateValue(in.value_bytes);
    if (value == nullptr) return TIERCEL_NO_MEMORY;
    if (in.value_bytes != 0) std::memcpy(value, in.value, in.value_bytes);
    // It may have been evicted for that.
    if (key.slot != kNone) key.slot = Find(key.scope, key.hash, key.text);
  }
  const uint32_t old = key.slot;
  const bool pinned = (in.flags & TIERCEL_SET_PINNED) != 0;
  if (old == kNone && !pinned) {
    uint32_t print = 0;
    if (policy_->WantsPrint())
      print = HashText(hash_.seed(), key.scope, kPrintOf, key.text) % (1U << Policy::kPrintBits);
    policy_->OnMiss(key.hash, needs.own_cost, print);
  }
  // An entry that is listed may be pushed off its list when room is made for its own new value.
  bool listed = old != kNone && entries_[old].pinned == 0;
  listed = MakeRoom(old == kNone ? 1 : 0, needs.cost, old) && listed;

  const uint32_t key_bytes = old == kNone ? Entry::BlockFor(key.scope, key.text) : 0;
  uint8_t* key_block = nullptr;
  const auto reserve = [&] {
    if (key_bytes != 0 && key_block == nullptr) key_block = static_cast<uint8_t*>(Allocate(key_bytes));
    if ((key_bytes != 0 && key_block == nullptr) || !entries_.Reserve() ||
        !index_.Reserve([this](uint32_t n) { return entries_[n].hash; })) {
      return false;
    }
    const uint32_t place = old != kNone ? old : entries_.NextFree();
    return ReserveLinks(place, needs.links) &&
           (!needs.deadline || entries_.ReserveDeadline(place, needs.stale));
  };
  for (uint32_t i = 0; !reserve(); i++) {
    bool kept = true;
    if (i < kEvictionsForMemory && EvictOne(old, &kept)) {
      listed = listed && kept;
      continue;
    }
    if (old != kNone && !listed && entries_[old].pinned == 0) policy_->OnInsert(old);
    Free(key_block);
    Free(value);
    return TIERCEL_NO_MEMORY;
  }

  const uint32_t slot = old != kNone ? old : entries_.Take();
  Entry& entry = entries_[slot];
  if (old != kNone) {
    if (listed && pinned) policy_->OnRemove(slot);
    if (listed && !pinned) policy_->OnUpdate(slot, needs.own_cost);
    Replace(slot);
  } else {
    if (!watched_) log_.ForgetIfLast(slot);
    entry.hash = key.hash;
    entry.born = Born() & 0x7f;
    entry.SetKey(key.scope, key.text, key_block);
    index_.Insert(key.hash, slot);
    missed_.scope = kNone;
  }
  entry.extra = needs.extra ? 1 : 0;
  Fill(slot, key.scope, in, value, sequence, names);
  entry.pinned = pinned ? 1 : 0;
  if (pinned) {
    pinned_++;
    pinned_bytes_ += FullCost(slot);
  } else if (!listed) {
    entry.policy = 0;
    policy_->OnInsert(slot);
  }
  return static_cast<int32_t>(slot);
}

// Takes the old value out of an entry, which keeps its slot, key and place in an iteration.
void Cache::Replace(uint32_t slot) {
  Entry& entry = entries_[slot];
  Record(slot, CauseOf(slot, TIERCEL_CAUSE_REPLACED), false);
  const uint64_t cost = FullCost(slot);
  bytes_ -= cost;
  if (entry.pinned != 0) {
    pinned_--;
    pinned_bytes_ -= cost;
    entry.pinned = 0;
  }
  entries_.SetDeadline(slot, kForever, 0);
  if (bytes_mode_) {
    Free(entry.value());
    entries_.SetValue(slot, nullptr, 0);
  }
  scopes_.Detach(slot, loads_.OldestSequence());
  entry.extra = 0;
}

void Cache::Fill(uint32_t slot, uint32_t scope, const Incoming& in, uint8_t* value, uint64_t sequence,
                 const Names& names) {
  Entry& entry = entries_[slot];
  entry.SetSequence(sequence);
  entry.format = in.format & (kFormats - 1);
  if (bytes_mode_) {
    entries_.SetValue(slot, value, in.value_bytes);
  } else {
    entries_.SetWeight(slot, RoundUp(in.weight));
  }
  Expire(slot, in.ttl, in.stale);
  scopes_.Attach(slot, scope, names);
  bytes_ += FullCost(slot);
  counters_.sets++;
  counters_.adds++;
}

}  // namespace tiercel
