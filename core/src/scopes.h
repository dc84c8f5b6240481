// Invalidation by stamp. A scope is a namespace (the root one is the whole cache), a tag of a namespace, or a
// key of a namespace that entries depend on. It remembers the sequence of its last invalidation, its stamp;
// an entry whose own sequence is not newer than the stamps of all its scopes is dead. So invalidating is
// O(1), however many entries are concerned, and a load that began before an invalidation brings in an entry
// that is dead on arrival.
//
// Entries are linked to their scopes (all namespaces above them but the root, their tags, the keys they
// depend on, and the tags and keys of the entries there) so that dead ones can be found and reclaimed. Since
// an entry has the scopes of those it depends on, however many steps away, no invalidation has to be passed
// on. Each link is on exactly one list: its scope's `entries` while the entry is newer than the scope's
// stamp, else the list of the dead.
//
// A scope with nothing in it is idle. Namespaces stay idle for their handles' sake, tags as long as a load
// is in flight that began before their stamp and may turn out to have that tag; keys do not, see changes.h.
// Beyond kMaxIdle the oldest is forgotten, and the floor rises to its stamp: loads begun before the floor are
// not stored. A flood of invalidations of unknown tags costs misses, never memory or staleness.
#ifndef TIERCEL_SRC_SCOPES_H_
#define TIERCEL_SRC_SCOPES_H_

#include <cstdint>

#include "entry.h"
#include "handle.h"
#include "index.h"
#include "list.h"
#include "names.h"
#include "tiercel/abi.h"

namespace tiercel {

struct Link {
  uint32_t slot = kNone;
  uint32_t scope = kNone;
  uint32_t prev = kNone;  // On the scope's list or that of the dead; `next` chains free links too.
  uint32_t next = kNone;
  uint32_t sibling = kNone;  // The next link of the same entry.
  bool inherited = false;    // From an entry that this one depends on.
  bool live = false;
};

struct Scope {
  enum class Kind : uint8_t { kNamespace = 1, kTag = 2, kKey = 3 };

  uint64_t stamp = 0;
  double handle = 0;  // Of a namespace.
  StoredText name;
  List<Link> entries;
  uint32_t parent = kNone;  // The namespace it is in.
  uint32_t hash = 0;
  uint32_t depth = 0;     // Namespaces above it, the root not counted.
  uint32_t links = 0;     // Entries that belong to it, dead ones included until they are reclaimed.
  uint32_t uses = 0;      // Links, scopes below it, loads and calls under way that need it.
  uint32_t prev = kNone;  // On the list of the idle; `next` chains free scopes too.
  uint32_t next = kNone;
  Kind kind = Kind::kNamespace;
  bool idle = false;
  bool live = false;
};

class Scopes {
 public:
  static constexpr uint32_t kRoot = 0;

  Scopes(Entries* entries, HandleTable* handles, Cache* cache)
      : entries_(*entries), handles_(*handles), cache_(cache) {}
  ~Scopes();

  // Makes the root namespace. False without memory.
  [[nodiscard]] bool Init();

  // Rehashes all names into `spare`, which SpareIndex made.
  [[nodiscard]] bool SpareIndex(Index* spare) const { return spare->BuildLike(names_); }
  void Seed(const HashSeed& seed, Index* spare);

  // The scope of that name below a namespace, or kNone. FindOrAdd makes it: kNone without memory or handles.
  // What it returns may be idle: Hold it, and Release it after.
  uint32_t Find(uint32_t parent, Scope::Kind kind, const Text& name) const;
  uint32_t FindOrAdd(uint32_t parent, Scope::Kind kind, const Text& name, uint64_t oldest_load);

  void Hold(uint32_t scope);
  void Release(uint32_t scope, uint64_t oldest_load);
  void Release(const Names& names, uint64_t oldest_load) {
    for (uint32_t i = 0; i < names.count; i++) Release(names.scopes[i], oldest_load);
  }

  // Whether one of its scopes was invalidated since an entry's sequence. The caller has seen that
  // `newest_stamp` is newer.
  bool IsDead(uint32_t slot) const { return DiedBy(slot, nullptr); }
  // The same, and by which of its links: kNone for the root.
  bool DiedBy(uint32_t slot, uint32_t* link) const;
  // The newest stamp of a namespace and those above it.
  uint64_t NamespaceStamp(uint32_t scope) const;
  // Puts a stamp on a scope that the caller holds: becoming idle after, it joins the idle as the one with the
  // newest stamp, so that the floor rises no more than it must. Its entries, none of them alive any more,
  // join the dead.
  void Stamp(uint32_t scope, uint64_t sequence);

  // Something that no scope knows of was invalidated.
  void NoteStamp(uint64_t sequence) {
    if (sequence > newest_stamp_) newest_stamp_ = sequence;
  }
  // Something was invalidated that leaves no stamp, since no entry and no load can be older; a snapshot can.
  void NoteForgotten(uint64_t sequence) {
    if (sequence > forgotten_) forgotten_ = sequence;
  }
  // No stamp that is newer than this was forgotten.
  uint64_t forgotten() const { return forgotten_; }
  // Stores nothing of a load that began before `sequence`.
  void RaiseFloor(uint64_t sequence) {
    if (sequence > floor_) floor_ = sequence;
    NoteStamp(sequence);
  }

  // Room for `n` links; Attach then cannot fail.
  [[nodiscard]] bool ReserveLinks(uint32_t n) { return links_.Reserve(n); }
  // Links an entry to the namespaces from `scope` upwards and to the names given. Its part of the column is
  // in use if there are any.
  void Attach(uint32_t slot, uint32_t scope, const Names& names);
  void Detach(uint32_t slot, uint64_t oldest_load);
  uint32_t LinksFor(uint32_t scope, uint32_t names) const { return scopes_[scope].depth + names; }
  // The first of an entry's links.
  uint32_t FirstLink(uint32_t slot) const { return entries_.FirstLink(slot); }
  uint32_t CountLinks(uint32_t slot) const;
  // Whether an entry has tags or depends on keys: their links come before those to namespaces.
  bool HasNames(uint32_t slot) const {
    const uint32_t first = FirstLink(slot);
    return first != kNone && scopes_[links_[first].scope].kind != Scope::Kind::kNamespace;
  }

  // A load ended: tags that were kept for it may go.
  void LoadEnded(uint64_t oldest_load);

  // The slot of an entry that is dead but still takes space, or kNone.
  uint32_t DeadSlot() const { return dead_.head == kNone ? kNone : links_[dead_.head].slot; }
  uint32_t dead() const { return dead_.size; }

  // Entries newer than the stamp, for a scope other than the root.
  uint32_t Count(uint32_t scope) const { return scopes_[scope].entries.size; }

  const Scope& operator[](uint32_t scope) const { return scopes_[scope]; }
  const Link& link(uint32_t i) const { return links_[i]; }
  uint64_t newest_stamp() const { return newest_stamp_; }
  uint64_t floor() const { return floor_; }
  uint32_t size() const { return scopes_.size(); }
  // Whether there are keys that entries depend on.
  bool has_keys() const { return keys_ != 0; }

 private:
  static constexpr uint32_t kMaxIdle = 4096;

  void Settle(uint32_t scope, uint64_t oldest_load);
  void Forget(uint32_t scope, uint64_t oldest_load);
  void ForgetExcess(uint64_t oldest_load);

  Entries& entries_;
  HandleTable& handles_;
  Cache* const cache_;
  HashSeed seed_;
  Slab<Scope> scopes_;
  Slab<Link> links_;
  Index names_;
  List<Link> dead_;
  List<Scope> idle_;   // Oldest first. Invariant: uses == 0, and not the root.
  uint32_t keys_ = 0;  // Scopes of kind kKey.
  uint64_t newest_stamp_ = 0;
  uint64_t floor_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_SCOPES_H_
