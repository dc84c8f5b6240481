// Loads in flight: who may join one, and whether what it brings is out of date.
#include "cache.h"

namespace tiercel {

void Cache::Overtake(uint32_t scope, uint32_t hash, const Text& key) {
  if (loads_.size() == 0) return;
  const uint32_t load = loads_.Find(scope, hash, key);
  if (load != kNone) loads_.Overtake(load);
}

double Cache::LoadBegin(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding) {
  Text text;
  const int32_t status = ReadKey(key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const uint32_t hash = Hash(scope, text);
  uint32_t load = loads_.Find(scope, hash, text);
  if (load != kNone && IsOvertaken(loads_[load])) {
    loads_.Overtake(load);
    load = kNone;
  }
  const bool joined = load != kNone;
  if (!joined) {
    load = loads_.Begin(this, scope, hash, text, ++sequence_);
    if (load == kNone) return NoHandle();
    scopes_.Hold(scope);
    counters_.loads++;
  }
  r_[TIERCEL_R_JOINED] = joined ? 1 : 0;
  r_[TIERCEL_R_UNTOUCHED] = scopes_.newest_stamp() < loads_[load].sequence ? 1 : 0;
  return loads_[load].handle;
}

// Whether what is known of a load in flight says that its value will be out of date.
bool Cache::IsOvertaken(const Load& load) const {
  const uint64_t began = load.sequence;
  if (load.overtaken || scopes_.floor() > began) return true;
  if (scopes_.newest_stamp() < began) return false;
  if (scopes_.NamespaceStamp(load.scope) > began) return true;
  if (!barriers_.empty() && barriers_.NewestFor(load.scope, load.key.view(), began) != 0) return true;
  for (uint32_t i = 0; i < load.names.count; i++) {
    const Scope& scope = scopes_[load.names.scopes[i]];
    if (scope.stamp > began) return true;
    if (scope.kind == Scope::Kind::kKey && !barriers_.empty() &&
        barriers_.NewestFor(scope.parent, scope.name.view(), began) != 0) {
      return true;
    }
  }
  return false;
}

// Whether a tag, or a key that the value depends on, was invalidated since a load began. For a key that is
// more than its own stamp, which nobody may have kept: it may have changed, or be dead by its own tags.
bool Cache::IsOvertakenBy(uint32_t scope, const Text& name, bool is_key, uint64_t began) {
  const uint32_t found = scopes_.Find(scope, is_key ? Scope::Kind::kKey : Scope::Kind::kTag, name);
  if (found != kNone && scopes_[found].stamp > began) return true;
  if (!is_key) return false;
  const uint32_t hash = Hash(scope, name);
  if (changes_.Newest(hash) > began || scopes_.NamespaceStamp(scope) > began) return true;
  if (!barriers_.empty() && barriers_.NewestFor(scope, name, began) != 0) return true;
  const uint32_t slot = Find(scope, hash, name);
  if (slot == kNone) return false;
  if (!IsAlive(slot)) return true;
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone; i = scopes_.link(i).sibling) {
    if (scopes_[scopes_.link(i).scope].stamp > began) return true;
  }
  return false;
}

bool Cache::IsOvertakenBy(const Load& load, const Text& name, bool is_key) {
  if (IsOvertakenBy(load.scope, name, is_key, load.sequence)) return true;
  if (!is_key || !load.missed) return false;
  // If the key was not noted in time a barrier that is forgotten may have covered it.
  const uint32_t found = scopes_.Find(load.scope, Scope::Kind::kKey, name);
  return found == kNone || load.names.Find(found) == load.names.count;
}

int32_t Cache::LoadTags(uint32_t load, const uint8_t* names, uint32_t bytes) {
  Names* const noted = loads_.names(load);
  const Names before = *noted;
  const Load& l = loads_[load];
  // What happened to a name before it was noted leaves a trace that may be gone later.
  bool overtaken = false;
  int32_t status = EachName(names, bytes, [&](const Text& name, bool is_key, bool) {
    overtaken = overtaken || IsOvertakenBy(l, name, is_key);
    return int32_t{TIERCEL_OK};
  });
  if (status != TIERCEL_OK) return status;
  status = AddNames(l.scope, l.key.view(), names, bytes, noted);
  if (status == TIERCEL_OK) {
    if (overtaken) loads_.Overtake(load);
    return status;
  }
  // All of them or none.
  for (uint32_t i = before.count; i < noted->count; i++)
    scopes_.Release(noted->scopes[i], loads_.OldestSequence());
  *noted = before;
  return status;
}

int32_t Cache::LoadOvertake(uint32_t load) {
  loads_.Overtake(load);
  return TIERCEL_OK;
}

int32_t Cache::LoadEnd(uint32_t load) {
  const uint32_t scope = loads_[load].scope;
  scopes_.Release(*loads_.names(load), loads_.OldestSequence());
  loads_.End(load);
  scopes_.Release(scope, loads_.OldestSequence());
  scopes_.LoadEnded(loads_.OldestSequence());
  return TIERCEL_OK;
}

int32_t Cache::LoadCommit(uint32_t load, const Incoming& in, double now, bool store) {
  Tick(now);
  r_[TIERCEL_R_CHANGED] = 0;
  const Load& l = loads_[load];
  const uint64_t began = l.sequence;
  bool overtaken = IsOvertaken(l);
  int32_t result = EachName(in.names, in.names_bytes, [&](const Text& name, bool is_key, bool) {
    overtaken = overtaken || IsOvertakenBy(l, name, is_key);
    return int32_t{TIERCEL_OK};
  });
  if (result != TIERCEL_OK) return Finish(result);
  if (overtaken) {
    counters_.overtaken++;
    result = TIERCEL_OVERTAKEN;
  } else if (store) {
    const Key key = {l.scope, l.hash, Find(l.scope, l.hash, l.key.view()), l.key.view()};
    const uint32_t old = key.slot;
    // A key that gets a copy of what it was all the time has not changed; one that has another value now, or
    // was invalidated and not taken out yet, has.
    const bool changes = old != kNone && (!IsAlive(old) || now_ < entries_.ServedUntil(old));
    result = Store(key, began, in);
    if (result < TIERCEL_OVERTAKEN) return Finish(result);
    // What came to depend on the key while it was absent does not have the names that it has now. Who that is
    // on other stripes is not known here.
    if (changes || (in.names_bytes != 0 && scopes_.has_keys() &&
                    scopes_.Find(l.scope, Scope::Kind::kKey, l.key.view()) != kNone)) {
      Changed(l.scope, l.hash, l.key.view());
    } else if (in.names_bytes != 0) {
      r_[TIERCEL_R_CHANGED] = 1;
    }
  }
  LoadEnd(load);
  ReclaimSome(result);
  return Finish(result);
}

}  // namespace tiercel
