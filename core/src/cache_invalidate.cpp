// Invalidation: of a scope by its stamp, of keys by a barrier, of what depends on a key that changed. What is
// more than a few entries is left to the calls that follow, so that it takes no longer than a few do.
#include <algorithm>

#include "cache.h"

namespace tiercel {

// The slow part of IsAlive.
bool Cache::IsDead(uint32_t slot) const { return scopes_.IsDead(slot) || BarrierStamp(slot) != 0; }

// The newest stamp of the barriers that cover an entry's key, or one it depends on, and are newer than it; or
// 0.
uint64_t Cache::BarrierStamp(uint32_t slot) const {
  if (barriers_.empty()) return 0;
  const Entry& entry = entries_[slot];
  uint64_t newest = barriers_.NewestFor(entry.scope(), entry.text(), entry.sequence);
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone && scopes_.has_keys(); i = scopes_.link(i).sibling) {
    const Scope& scope = scopes_[scopes_.link(i).scope];
    if (scope.kind != Scope::Kind::kKey) continue;
    newest = std::max(newest, barriers_.NewestFor(scope.parent, scope.name.view(), entry.sequence));
  }
  return newest;
}

// A key got another value, or lost it for another reason than room or time: what depends on it is out of
// date. Returns how many entries that are.
uint64_t Cache::Changed(uint32_t scope, uint32_t hash, const Text& key) {
  r_[TIERCEL_R_CHANGED] = 1;
  changes_.Note(hash, ++sequence_);
  if (!scopes_.has_keys()) return 0;
  const uint32_t dependents = scopes_.Find(scope, Scope::Kind::kKey, key);
  return dependents == kNone ? 0 : Invalidate(dependents, TIERCEL_CAUSE_DEPENDENCY);
}

double Cache::ChangedElsewhere(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding,
                               double now) {
  Tick(now);
  Text text;
  const int32_t status = ReadKey(key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const uint64_t dependents = Changed(scope, Hash(scope, text), text);
  ReclaimSome();
  Finish(TIERCEL_OK);
  return static_cast<double>(dependents);
}

double Cache::Clear(uint32_t scope, double now) {
  Tick(now);
  const uint64_t count = scope == Scopes::kRoot ? InvalidateAll() : Invalidate(scope, TIERCEL_CAUSE_CLEAR);
  Finish(TIERCEL_OK);
  return static_cast<double>(count);
}

// How many of the entries that are covered may be served. If all that are covered are few they are removed,
// and *removed true.
template <typename IsCovered>
uint64_t Cache::InvalidateWalk(IsCovered is_covered, TiercelCause cause, bool* removed) {
  uint64_t count = 0;
  uint32_t covered = 0;
  for (uint32_t slot = 0; slot < entries_.used(); slot++) {
    if (!entries_.IsLive(slot) || !is_covered(slot)) continue;
    covered++;
    if (IsServable(slot)) count++;
  }
  *removed = covered <= PerCall().slice_most;
  for (uint32_t slot = 0; slot < entries_.used() && covered != 0 && *removed; slot++) {
    if (entries_.IsLive(slot) && is_covered(slot)) Remove(slot, CauseOf(slot, cause));
  }
  return count;
}

uint64_t Cache::InvalidateAll() {
  uint64_t count = entries_.size();
  bool removed = false;
  if (entries_.used() <= PerCall().walk) {
    count = InvalidateWalk([](uint32_t) { return true; }, TIERCEL_CAUSE_CLEAR, &removed);
  }
  if (!removed) (void)rounds_.Want();
  scopes_.Stamp(Scopes::kRoot, ++sequence_);
  return count;
}

uint64_t Cache::Invalidate(uint32_t scope, TiercelCause cause) {
  scopes_.Hold(scope);
  uint64_t count = 0;
  if (scopes_.Count(scope) <= PerCall().slice_most) {
    while (scopes_.Count(scope) != 0) {
      const Link& link = scopes_.link(scopes_[scope].entries.head);
      const uint32_t slot = link.slot;
      if (IsServable(slot)) count++;
      Remove(slot, CauseOf(slot, link.inherited ? TIERCEL_CAUSE_DEPENDENCY : cause));
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
  const int32_t status = EachName(tags, bytes, [this](const Text&, bool is_key, bool) {
    return is_key ? Bad("tags holds a key") : int32_t{TIERCEL_OK};
  });
  if (status != TIERCEL_OK) return status;
  uint64_t count = 0;
  scopes_.Hold(scope);
  (void)EachName(tags, bytes, [&](const Text& name, bool, bool) {
    const uint64_t oldest = loads_.OldestSequence();
    uint32_t tag = scopes_.Find(scope, Scope::Kind::kTag, name);
    // No entry has the tag, but a load in flight may turn out to have it.
    if (tag == kNone && oldest != Loads::kNoLoad) {
      tag = scopes_.FindOrAdd(scope, Scope::Kind::kTag, name, oldest);
      if (tag == kNone) scopes_.RaiseFloor(++sequence_);
    }
    if (tag != kNone) count += Invalidate(tag, TIERCEL_CAUSE_TAG);
    if (tag == kNone) scopes_.NoteForgotten(++sequence_);
    return int32_t{TIERCEL_OK};
  });
  scopes_.Release(scope, loads_.OldestSequence());
  Finish(TIERCEL_OK);
  return static_cast<double>(count);
}

// ---- Prefixes and patterns

bool Cache::Covers(const Barriers::Cover& cover, uint32_t slot) const {
  if (cover.Has(entries_[slot].scope(), entries_[slot].text())) return true;
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone && scopes_.has_keys(); i = scopes_.link(i).sibling) {
    const Scope& scope = scopes_[scopes_.link(i).scope];
    if (scope.kind == Scope::Kind::kKey && cover.Has(scope.parent, scope.name.view())) return true;
  }
  return false;
}

// As far as its names are known.
bool Cache::Covers(const Barriers::Cover& cover, const Load& load) const {
  if (cover.Has(load.scope, load.key.view())) return true;
  for (uint32_t i = 0; i < load.names.count; i++) {
    const Scope& scope = scopes_[load.names.scopes[i]];
    if (scope.kind == Scope::Kind::kKey && cover.Has(scope.parent, scope.name.view())) return true;
  }
  return false;
}

// Forgets a barrier that every older entry was compared with, though loads in flight may be older. A few are
// told apart: what it covers is out of date, and the others are careful with keys that are noted later. More
// than a few are void.
void Cache::ForgetBarrier(uint32_t barrier) {
  const uint64_t stamp = barriers_[barrier].stamp;
  if (loads_.size() > PerCall().loads) {
    scopes_.RaiseFloor(stamp);
  } else {
    const Barriers::Cover cover = barriers_.CoverOf(barrier);
    loads_.EachBefore(stamp, [&](uint32_t load) {
      if (Covers(cover, loads_[load])) {
        loads_.Overtake(load);
      } else {
        loads_.Miss(load);
      }
    });
  }
  barriers_.Forget(barrier);
}

double Cache::InvalidatePrefix(uint32_t scope, const uint8_t* prefix, uint32_t bytes, uint32_t encoding,
                               double now) {
  Tick(now);
  Barriers::Cover cover;
  const int32_t status = ReadKey(prefix, bytes, encoding, &cover.text);
  if (status != TIERCEL_OK) return status;
  cover.scope = scope;
  return InvalidateCover(cover);
}

int32_t Cache::ReadPattern(const uint8_t* pattern, uint32_t bytes, uint32_t encoding, Text* text,
                           Glob* glob) {
  const int32_t status = ReadKey(pattern, bytes, encoding, text);
  if (status != TIERCEL_OK) return status;
  switch (Glob::Parse(*text, glob)) {
    case Glob::Fault::kTooLong:
      return Bad("a pattern has at most 256 bytes");
    case Glob::Fault::kTooManyWildcards:
      return Bad("a pattern has at most 8 wildcards *");
    case Glob::Fault::kNothing:
      break;
  }
  return TIERCEL_OK;
}

int32_t Cache::Match(const uint8_t* pattern, uint32_t bytes, uint32_t encoding, const uint8_t* text,
                     uint32_t text_bytes, uint32_t text_encoding) {
  Glob glob;
  Text text_read;
  int32_t status = ReadPattern(pattern, bytes, encoding, &text_read, &glob);
  if (status == TIERCEL_OK) status = Read(&name_, text, text_bytes, text_encoding, &text_read);
  if (status != TIERCEL_OK) return status;
  return glob.Matches(text_read) ? 1 : 0;
}

double Cache::InvalidatePattern(uint32_t scope, const uint8_t* pattern, uint32_t bytes, uint32_t encoding,
                                double now) {
  Tick(now);
  Glob glob;
  Barriers::Cover cover;
  const int32_t status = ReadPattern(pattern, bytes, encoding, &cover.text, &glob);
  if (status != TIERCEL_OK) return status;
  cover.scope = scope;
  cover.glob = &glob;
  return InvalidateCover(cover);
}

double Cache::InvalidateCover(const Barriers::Cover& cover) {
  uint64_t count = cover.scope == Scopes::kRoot ? entries_.size() : scopes_.Count(cover.scope);
  bool removed = false;
  if (entries_.used() <= PerCall().walk) {
    count =
        InvalidateWalk([&](uint32_t slot) { return Covers(cover, slot); }, TIERCEL_CAUSE_PATTERN, &removed);
  }
  const bool needs_barrier = !removed || loads_.size() != 0;
  while (needs_barrier && barriers_.IsFull(cover)) {
    const uint32_t oldest = barriers_.OldestLike(cover);
    if (rounds_.HasPassed(barriers_[oldest].swept)) {
      ForgetBarrier(oldest);
    } else {
      // May forget it as well.
      Reclaim(PerCall().slice_most, 0);
    }
  }
  // After that: what was found alive there counts as new.
  const uint64_t stamp = ++sequence_;
  scopes_.NoteForgotten(stamp);
  if (needs_barrier) {
    const Rounds::Mark swept = removed ? Rounds::Mark() : rounds_.Want();
    if (barriers_.Add(cover, stamp, swept)) {
      scopes_.NoteStamp(stamp);
    } else {
      // Without memory for a barrier more than it covers has to go.
      scopes_.Stamp(cover.scope, stamp);
    }
  }
  Finish(TIERCEL_OK);
  return static_cast<double>(count);
}

}  // namespace tiercel
