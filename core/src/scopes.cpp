#include "scopes.h"

namespace tiercel {

Scopes::~Scopes() {
  for (uint32_t i = 0; i < scopes_.used(); i++) {
    if (!scopes_.IsLive(i)) continue;
    if (scopes_[i].handle != 0) handles_.Close(scopes_[i].handle);
    scopes_[i].name.Release();
  }
}

bool Scopes::Init() {
  if (!scopes_.Reserve()) return false;
  const double handle = handles_.Open(HandleTable::Kind::kNamespace, cache_, kRoot);
  if (handle == 0) return false;
  scopes_[scopes_.Take()].handle = handle;
  return true;
}

void Scopes::Seed(const HashSeed& seed, Index* spare) {
  for (uint32_t i = kRoot + 1; i < scopes_.used(); i++) {
    if (!scopes_.IsLive(i)) continue;
    Scope& scope = scopes_[i];
    scope.hash = HashText(seed, scope.parent, static_cast<uint32_t>(scope.kind), scope.name.view());
    spare->Insert(scope.hash, i);
  }
  names_.Swap(*spare);
  seed_ = seed;
}

uint32_t Scopes::Find(uint32_t parent, Scope::Kind kind, const Text& name) const {
  return names_.Find(HashText(seed_, parent, static_cast<uint32_t>(kind), name), [&](uint32_t i) {
    const Scope& scope = scopes_[i];
    return scope.parent == parent && scope.kind == kind && scope.name.Equals(name);
  });
}

uint32_t Scopes::FindOrAdd(uint32_t parent, Scope::Kind kind, const Text& name, uint64_t oldest_load) {
  uint32_t i = Find(parent, kind, name);
  if (i != kNone) return i;
  StoredText stored;
  if (!scopes_.Reserve() || !names_.Reserve([this](uint32_t n) { return scopes_[n].hash; })) return kNone;
  if (!stored.Assign(name)) return kNone;
  i = scopes_.Take();
  double handle = 0;
  if (kind == Scope::Kind::kNamespace) {
    handle = handles_.Open(HandleTable::Kind::kNamespace, cache_, i);
    if (handle == 0) {
      scopes_.Give(i);
      stored.Release();
      return kNone;
    }
  }
  Scope& scope = scopes_[i];
  scope.handle = handle;
  scope.name = stored;
  scope.kind = kind;
  scope.parent = parent;
  scope.depth = scopes_[parent].depth + (kind == Scope::Kind::kNamespace ? 1 : 0);
  scope.hash = HashText(seed_, parent, static_cast<uint32_t>(kind), name);
  names_.Insert(scope.hash, i);
  if (kind == Scope::Kind::kKey) keys_++;
  Hold(parent);
  // A namespace begins idle: only its handle knows it. Another is about to be held by the caller.
  if (kind == Scope::Kind::kNamespace) {
    Settle(i, oldest_load);
    ForgetExcess(oldest_load);
  }
  return i;
}

void Scopes::Hold(uint32_t scope) {
  Scope& s = scopes_[scope];
  s.uses++;
  if (!s.idle) return;
  s.idle = false;
  idle_.Remove(scopes_, scope);
}

void Scopes::Release(uint32_t scope, uint64_t oldest_load) {
  if (--scopes_[scope].uses != 0) return;
  Settle(scope, oldest_load);
  ForgetExcess(oldest_load);
}

// Decides what becomes of a scope that nothing uses any more.
void Scopes::Settle(uint32_t scope, uint64_t oldest_load) {
  if (scope == kRoot) return;
  Scope& s = scopes_[scope];
  if (s.kind == Scope::Kind::kKey || (s.kind == Scope::Kind::kTag && s.stamp < oldest_load)) {
    Forget(scope, oldest_load);
    return;
  }
  s.idle = true;
  idle_.PushTail(scopes_, scope);
}

void Scopes::ForgetExcess(uint64_t oldest_load) {
  while (idle_.size > kMaxIdle) {
    const uint32_t oldest = idle_.head;
    const Scope& s = scopes_[oldest];
    // No load is in flight in an idle namespace: later ones begin after its stamp anyway.
    if (s.kind == Scope::Kind::kTag && s.stamp > floor_) floor_ = s.stamp;
    Forget(oldest, oldest_load);
  }
}

void Scopes::Forget(uint32_t scope, uint64_t oldest_load) {
  Scope& s = scopes_[scope];
  if (s.idle) idle_.Remove(scopes_, scope);
  names_.Erase(s.hash, scope);
  NoteForgotten(s.stamp);
  if (s.handle != 0) handles_.Close(s.handle);
  if (s.kind == Scope::Kind::kKey) keys_--;
  s.name.Release();
  const uint32_t parent = s.parent;
  scopes_.Give(scope);
  // A namespace, so that this goes no further: it becomes idle.
  if (--scopes_[parent].uses == 0) Settle(parent, oldest_load);
}

void Scopes::LoadEnded(uint64_t oldest_load) {
  // Each ended load lets at most one tag stay behind, so a few a call keep up.
  for (int i = 0; i < 4 && idle_.head != kNone; i++) {
    const Scope& s = scopes_[idle_.head];
    if (s.kind != Scope::Kind::kTag || s.stamp >= oldest_load) return;
    Forget(idle_.head, oldest_load);
  }
}

uint64_t Scopes::NamespaceStamp(uint32_t scope) const {
  uint64_t stamp = 0;
  for (; scope != kNone; scope = scopes_[scope].parent) {
    if (scopes_[scope].stamp > stamp) stamp = scopes_[scope].stamp;
  }
  return stamp;
}

bool Scopes::DiedBy(uint32_t slot, uint32_t* link) const {
  const uint64_t sequence = entries_[slot].sequence;
  uint32_t i = kNone;
  if (scopes_[kRoot].stamp < sequence) {
    i = FirstLink(slot);
    while (i != kNone && scopes_[links_[i].scope].stamp < sequence) i = links_[i].sibling;
    if (i == kNone) return false;
  }
  if (link != nullptr) *link = i;
  return true;
}

uint32_t Scopes::CountLinks(uint32_t slot) const {
  uint32_t count = 0;
  for (uint32_t i = FirstLink(slot); i != kNone; i = links_[i].sibling) count++;
  return count;
}

void Scopes::Stamp(uint32_t scope, uint64_t sequence) {
  Scope& s = scopes_[scope];
  s.stamp = sequence;
  newest_stamp_ = sequence;
  dead_.Append(links_, s.entries);
}

void Scopes::Attach(uint32_t slot, uint32_t scope, const Names& names) {
  const auto attach = [&](uint32_t to, bool inherited) {
    const uint32_t i = links_.Take();
    Link& link = links_[i];
    link.slot = slot;
    link.scope = to;
    link.inherited = inherited;
    link.sibling = entries_.FirstLink(slot);
    entries_.SetFirstLink(slot, i);
    Hold(to);
    scopes_[to].links++;
    scopes_[to].entries.PushTail(links_, i);
  };
  for (uint32_t s = scope; s != kRoot; s = scopes_[s].parent) attach(s, false);
  // The last made is the first on the entry: so tags come out in the order they came in.
  for (uint32_t i = names.count; i > 0; i--) attach(names.scopes[i - 1], names.inherited[i - 1]);
}

void Scopes::Detach(uint32_t slot, uint64_t oldest_load) {
  const uint32_t first = entries_.FirstLink(slot);
  if (first == kNone) return;
  const uint64_t sequence = entries_[slot].sequence;
  for (uint32_t i = first; i != kNone;) {
    const Link& link = links_[i];
    const uint32_t next = link.sibling;
    const uint32_t scope = link.scope;
    // Entries come into a scope's list alive and leave it, all at once, when it is stamped.
    const bool is_dead = scopes_[scope].stamp >= sequence;
    (is_dead ? dead_ : scopes_[scope].entries).Remove(links_, i);
    links_.Give(i);
    scopes_[scope].links--;
    Release(scope, oldest_load);
    i = next;
  }
  entries_.SetFirstLink(slot, kNone);
}

}  // namespace tiercel
