// A cache: the entries, where to find them, which of them leaves, and what may still be served.
//
// Life of an entry. Store puts it into `entries_` (its slot), `index_` (by key), the policy's lists (for
// eviction, unless it is pinned), the lists of its scopes (for invalidation) and the deadlines (if it
// expires), and Remove takes it out of all; there is no state between. An entry that was invalidated or has
// expired may stay in for a while: it is never served, but counts in entries and bytes until a read of its
// key, eviction or a slice of Reclaim removes it.
//
// Bound on work. A call examines at most Limits::slice_most entries beyond those it is about (Limits::walk
// slots where all keys are compared), except where it must evict many small ones to fit a large one.
#ifndef TIERCEL_SRC_CACHE_H_
#define TIERCEL_SRC_CACHE_H_

#include <cstdint>

#include "barriers.h"
#include "changes.h"
#include "entry.h"
#include "handle.h"
#include "index.h"
#include "loads.h"
#include "options.h"
#include "packed.h"
#include "per_call.h"
#include "policy.h"
#include "removal_log.h"
#include "rounds.h"
#include "scopes.h"
#include "snapshot.h"
#include "stats.h"
#include "tiercel/abi.h"

namespace tiercel {

// A value on its way in.
struct Incoming {
  const uint8_t* value = nullptr;  // Bytes mode.
  uint32_t value_bytes = 0;
  uint32_t format = 0;
  double weight = 0;  // Reference mode.
  double ttl = 0;
  double stale = 0;
  const uint8_t* names = nullptr;  // A packed list of tags and dependencies.
  uint32_t names_bytes = 0;
  uint32_t flags = 0;  // TiercelSetFlags.
};

// A key that was looked up: the namespace that it is in, and the slot of its entry, kNone if there is none.
struct Key {
  uint32_t scope = kNone;
  uint32_t hash = 0;
  uint32_t slot = kNone;
  Text text;
};

class Cache {
 public:
  // nullptr without memory. `registers` and `handles` outlive the cache.
  static Cache* Open(Options options, HandleTable* handles, double* registers);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // What was wrong when a call returned TIERCEL_BAD_ARGUMENT. No characters that JSON escapes.
  const char* fault() const { return fault_; }

  double root_handle() const { return scopes_[Scopes::kRoot].handle; }

  // The calls of abi.h of the same names; `scope` is a namespace. Negative results are TiercelStatus.
  int32_t Seed(const uint8_t* seed);
  int32_t Resize(double max_entries, double max_bytes);
  int32_t Watch(bool on);
  std::string Stats() const;
  void ResetStats();
  double Namespace(uint32_t scope, const uint8_t* part, uint32_t bytes, uint32_t encoding);
  int32_t NamespacePath(uint32_t scope);
  double Clear(uint32_t scope, double now);
  double Size(uint32_t scope) const;
  int32_t Get(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now,
              uint32_t flags);
  int32_t Set(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, const Incoming& in,
              double now);
  double Delete(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now);
  int32_t Touch(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double ttl,
                uint32_t mode, double now);
  int32_t AddTags(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, const uint8_t* tags,
                  uint32_t tags_bytes, double now);
  int32_t NamesOf(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double since);
  double ChangedElsewhere(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now);
  double Ttl(const uint8_t* type, uint32_t bytes, uint32_t encoding, uint32_t flags, double modified,
             double hour);
  double InvalidateTags(uint32_t scope, const uint8_t* tags, uint32_t bytes, double now);
  double InvalidatePrefix(uint32_t scope, const uint8_t* prefix, uint32_t bytes, uint32_t encoding,
                          double now);
  double InvalidatePattern(uint32_t scope, const uint8_t* pattern, uint32_t bytes, uint32_t encoding,
                           double now);
  int32_t Match(const uint8_t* pattern, uint32_t bytes, uint32_t encoding, const uint8_t* text,
                uint32_t text_bytes, uint32_t text_encoding);
  int32_t Sweep(uint32_t most, double now);
  int32_t Tags(int32_t slot);
  int32_t Value(int32_t slot);
  double Iterate();
  int32_t Next(uint32_t scope, int32_t slot, double iteration, double now);
  double LoadBegin(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding);
  int32_t LoadTags(uint32_t load, const uint8_t* names, uint32_t bytes);
  int32_t LoadCommit(uint32_t load, const Incoming& in, double now, bool store);
  int32_t LoadOvertake(uint32_t load);
  int32_t LoadEnd(uint32_t load);
  int32_t SnapshotBegin(double wall, double now);
  int32_t SnapshotNext(int32_t slot, double now);
  int32_t SnapshotAdd(int32_t slot, const uint8_t* value, uint32_t bytes, uint32_t format, double now);
  int32_t SnapshotEnd();
  int32_t SnapshotDrop();
  int32_t RestoreBegin(const uint8_t* data, uint32_t bytes, double wall, double now);
  int32_t RestoreNext(double now);
  int32_t Removal(uint32_t i);
  int32_t RemovalsClear();

 private:
  Cache(Options* options, HandleTable* handles, double* registers);
  [[nodiscard]] bool Init(const Options& options);

  // cache.cpp
  int32_t Bad(const char* what) {
    fault_ = what;
    return TIERCEL_BAD_ARGUMENT;
  }
  // Why there is no handle for something new.
  double NoHandle() const { return handles_.IsFull() ? TIERCEL_LIMIT : TIERCEL_NO_MEMORY; }
  void Tick(double now) {
    if (now > now_ && now < kForever) now_ = now;
  }
  // Brings a string of the caller's into its canonical form, which is good until the next that is read `into`
  // the same.
  int32_t Read(Canonical* into, const uint8_t* data, uint32_t bytes, uint32_t encoding, Text* out) {
    if (encoding != TIERCEL_LATIN1 || data == nullptr || bytes > max_key_bytes_)
      return ReadUnusual(into, data, bytes, encoding, out);
    *out = {data, bytes, false};
    return TIERCEL_OK;
  }
  int32_t ReadKey(const uint8_t* data, uint32_t bytes, uint32_t encoding, Text* out) {
    missed_.scope = kNone;
    return Read(&key_, data, bytes, encoding, out);
  }
  int32_t ReadUnusual(Canonical* into, const uint8_t* data, uint32_t bytes, uint32_t encoding, Text* out);
  // Calls each(name, is_key, inherited) for the strings of a packed list, until one gives another status than
  // TIERCEL_OK.
  template <typename Each>
  int32_t EachName(const uint8_t* list, uint32_t bytes, Each each) {
    for (PackedReader reader(list, bytes); !reader.done();) {
      const uint8_t* data = nullptr;
      uint32_t length = 0;
      uint32_t encoding = 0;
      uint32_t kind = 0;
      bool inherited = false;
      Text name;
      if (!reader.Next(&data, &length, &encoding, &kind, &inherited))
        return Bad("a packed list is cut short");
      int32_t status = Read(&name_, data, length, encoding, &name);
      if (status == TIERCEL_OK) status = each(name, kind != 0, inherited);
      if (status != TIERCEL_OK) return status;
    }
    return TIERCEL_OK;
  }
  static double AddressOf(const void* p) { return static_cast<double>(reinterpret_cast<uintptr_t>(p)); }
  uint32_t Hash(uint32_t scope, const Text& key) const { return hash_(scope, key); }
  uint32_t Find(uint32_t scope, uint32_t hash, const Text& key) const {
    return index_.Find(hash, [&](uint32_t slot) {
      const Entry& entry = entries_[slot];
      return entry.hash == hash && entry.HasKey(scope, key);
    });
  }
  // Reads a key of the caller's and looks it up.
  int32_t FindKey(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, Key* out) {
    const int32_t status = ReadKey(key, bytes, encoding, &out->text);
    if (status != TIERCEL_OK) return status;
    out->scope = scope;
    out->hash = Hash(scope, out->text);
    out->slot = Find(scope, out->hash, out->text);
    return TIERCEL_OK;
  }
  // Whether nothing invalidated an entry. One that had to be compared with what was is as good as new after.
  bool IsAlive(uint32_t slot) {
    Entry& entry = entries_[slot];
    if (entry.sequence > scopes_.newest_stamp()) return true;
    if (IsDead(slot)) return false;
    entry.SetSequence(++sequence_);
    return true;
  }
  bool IsServable(uint32_t slot) { return now_ < entries_.ServedUntil(slot) && IsAlive(slot); }
  void Describe(uint32_t slot, double fresh_until) {
    const double ttl = fresh_until - now_;
    r_[TIERCEL_R_TTL] = ttl;
    r_[TIERCEL_R_IS_STALE] = ttl > 0 ? 0 : 1;
    if (bytes_mode_) DescribeValue(entries_[slot]);
  }
  void DescribeKey(const Entry& entry);
  void DescribeValue(const Entry& entry) {
    r_[TIERCEL_R_VALUE] = AddressOf(entry.value());
    r_[TIERCEL_R_VALUE_LENGTH] = entry.payload;
    r_[TIERCEL_R_FORMAT] = static_cast<double>(entry.format);
  }
  void DescribeList();
  int32_t Finish(int32_t result);

  // cache_iterate.cpp
  uint32_t Born() const;

  // cache_expiry.cpp
  double Random();
  void Expire(uint32_t slot, double ttl, double stale);
  void SetDeadline(uint32_t slot, double fresh_until, double stale);

  // cache_store.cpp
  int32_t AddName(uint32_t name_scope, bool inherited, Names* names);
  int32_t Inherit(uint32_t scope, const Text& key, const Text& dependency, Names* names);
  int32_t AddNames(uint32_t scope, const Text& key, const uint8_t* list, uint32_t bytes, Names* names);
  int32_t Store(const Key& key, uint64_t sequence, const Incoming& in);
  int32_t Place(const Key& key, uint64_t sequence, const Incoming& in, const Names& names);
  // What storing a value takes.
  struct Needs {
    uint32_t links;     // Scopes to link it to.
    bool extra;         // Parts of the columns.
    bool deadline;      // That of deadlines.
    bool stale;         // That of stale times.
    uint64_t own_cost;  // As Entries::Cost.
    uint64_t cost;      // As FullCost.
  };
  int32_t Insert(Key key, uint64_t sequence, const Incoming& in, const Needs& needs, const Names& names);
  void Replace(uint32_t slot);
  uint8_t* AllocateValue(uint32_t bytes);
  [[nodiscard]] bool ReserveLinks(uint32_t slot, uint32_t links);
  void Fill(uint32_t slot, uint32_t scope, const Incoming& in, uint8_t* value, uint64_t sequence,
            const Names& names);

  // cache_snapshot.cpp
  uint64_t Identity() const;
  [[nodiscard]] bool WriteEntry(uint32_t slot, const uint8_t* value, uint32_t bytes, uint32_t format);
  bool ReadHeader();
  int32_t ReadNamespace();
  int32_t ReadEntry();
  bool IsElsewhere(const Text& key) const;
  bool IsGone(const Text& key, uint32_t hash) const;

  // cache_reclaim.cpp
  uint64_t FullCost(uint32_t slot) const;
  void Remove(uint32_t slot, TiercelCause cause);
  void Record(uint32_t slot, TiercelCause cause, bool freed);
  TiercelCause CauseOf(uint32_t slot, TiercelCause if_alive) const;
  bool EvictOne(uint32_t keep = kNone, bool* kept = nullptr);
  bool IsOver(uint64_t entries, uint64_t bytes) const;
  bool HasExcess() const { return IsOver(entries_.size(), bytes_) && entries_.size() > pinned_; }
  // Whether something waits to be reclaimed at any time.
  bool HasBacklog() const { return scopes_.dead() != 0 || !rounds_.done() || HasExcess(); }
  bool MakeRoom(uint64_t entries, uint64_t cost, uint32_t keep);
  bool Grow(uint32_t slot, uint64_t more);
  uint32_t Reclaim(uint32_t budget, uint32_t evictions, uint32_t keep = kNone);
  // The share of what waits that a call does which changes the cache, but for the entry that it returns.
  void ReclaimSome(int32_t result = TIERCEL_MISS) {
    if (!HasBacklog() && barriers_.empty() && entries_.deadlines().First() > now_) return;
    Reclaim(PerCall().slice, PerCall().shrink_slice, result < 0 ? kNone : static_cast<uint32_t>(result));
  }

  // cache_invalidate.cpp
  bool IsDead(uint32_t slot) const;
  uint64_t BarrierStamp(uint32_t slot) const;
  uint64_t Changed(uint32_t scope, uint32_t hash, const Text& key);
  uint64_t Invalidate(uint32_t scope, TiercelCause cause);
  template <typename IsCovered>
  uint64_t InvalidateWalk(IsCovered is_covered, TiercelCause cause, bool* removed);
  uint64_t InvalidateAll();
  int32_t ReadPattern(const uint8_t* pattern, uint32_t bytes, uint32_t encoding, Text* text, Glob* glob);
  double InvalidateCover(const Barriers::Cover& cover);
  bool Covers(const Barriers::Cover& cover, uint32_t slot) const;
  bool Covers(const Barriers::Cover& cover, const Load& load) const;
  void ForgetBarrier(uint32_t barrier);

  // cache_loads.cpp
  void Overtake(uint32_t scope, uint32_t hash, const Text& key);
  bool IsOvertaken(const Load& load) const;
  bool IsOvertakenBy(uint32_t scope, const Text& name, bool is_key, uint64_t began);
  bool IsOvertakenBy(const Load& load, const Text& name, bool is_key);

  const PolicyKind kind_;
  const bool bytes_mode_;
  const uint32_t max_key_bytes_;
  const double jitter_;
  const uint32_t stripes_;
  const uint32_t stripe_;
  const std::unique_ptr<TtlRules, DeleteTtlRules> ttl_rules_;  // nullptr: none.
  uint64_t max_entries_;
  uint64_t max_bytes_;

  const HandleTable& handles_;
  double* const r_;  // The engine's registers.
  const char* fault_ = "";
  KeyHash hash_;
  uint64_t random_ = 0x9e3779b97f4a7c15;  // State of the jitter's generator.
  // Raised by each set, load and invalidation: "newer" means a greater number. Entries keep 48 bits of it,
  // enough for nine years at a million a second.
  uint64_t sequence_ = 0;
  double now_ = 0;  // The latest time seen.

  Entries entries_;
  Index index_;
  Scopes scopes_;
  Barriers barriers_;
  Rounds rounds_;  // Over all slots, for barriers and for a cache that was cleared.
  Changes changes_;
  Loads loads_;
  Policy* policy_ = nullptr;
  uint64_t bytes_ = 0;  // Sum of the full costs of all entries.
  uint32_t pinned_ = 0;
  uint64_t pinned_bytes_ = 0;

  // Iterations tell entries that came in later by the era they were born in; see Iterate.
  uint64_t era_ = 1;
  Rounds eras_;

  // The snapshot being written, and the namespace that its last record was of.
  SnapshotWriter writer_;
  uint32_t written_scope_ = kNone;
  // The snapshot being restored, and the namespace of the entries that follow, held.
  SnapshotReader reader_;
  SnapshotHeader header_;
  uint32_t read_scope_ = kNone;
  uint32_t read_stripe_ = 0;  // What tiercel_stripe gives for it.
  double restored_at_ = 0;    // The time of day at which it is restored.

  RemovalLog log_;
  bool watched_ = false;
  Counters counters_;

  Canonical key_;
  // What the last Get missed, kept in `key_`. Its scope is kNone if a call came since that took a key or
  // stored one: so it is known not to be there.
  Key missed_;
  Canonical name_;
  Vector<uint8_t> list_;  // A packed list on its way out.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_CACHE_H_
