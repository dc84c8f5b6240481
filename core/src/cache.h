// A cache: the entries, where to find them, which of them leaves, and what may still be served.
//
// Life of an entry. Store puts it into `entries_` (its slot), `index_` (by key), the policy's list (for
// eviction) and the lists of its scopes (for invalidation), and Remove takes it out of all four; there is no
// state between. An entry that was invalidated or has expired may stay in for a while: it is never served,
// but counts in entries and bytes until a read of its key, eviction or a slice of Reclaim removes it.
//
// Bound on work. A call examines at most kSliceMost entries beyond those it is about, except where it must
// evict many small ones to fit a large one.
#ifndef TIERCEL_SRC_CACHE_H_
#define TIERCEL_SRC_CACHE_H_

#include <cstdint>

#include "entry.h"
#include "handle.h"
#include "index.h"
#include "loads.h"
#include "options.h"
#include "packed.h"
#include "policy.h"
#include "removal_log.h"
#include "scopes.h"
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
  const uint8_t* tags = nullptr;  // A packed list.
  uint32_t tags_bytes = 0;
};

class Cache {
 public:
  // nullptr without memory. `registers` and `handles` outlive the cache.
  static Cache* Open(const Options& options, HandleTable* handles, double* registers);
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
  double Clear(uint32_t scope, double now);
  double Size(uint32_t scope) const;
  int32_t Get(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now,
              uint32_t flags);
  int32_t Set(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, const Incoming& in,
              double now);
  int32_t Delete(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now);
  int32_t Touch(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double ttl,
                double now);
  double InvalidateTags(uint32_t scope, const uint8_t* tags, uint32_t bytes, double now);
  int32_t Tags(int32_t slot);
  int32_t Value(int32_t slot);
  double Iterate() const { return static_cast<double>(sequence_); }
  int32_t Next(uint32_t scope, int32_t slot, double iteration, double now);
  double LoadBegin(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding);
  int32_t LoadTags(uint32_t load, const uint8_t* tags, uint32_t bytes);
  int32_t LoadCommit(uint32_t load, const Incoming& in, double now, bool store);
  int32_t LoadEnd(uint32_t load);
  int32_t Removal(uint32_t i);
  int32_t RemovalsClear();

 private:
  // Dead entries reclaimed by a call that changes the cache: more than it adds, so that it catches up.
  static constexpr uint32_t kSlice = 16;
  // Entries evicted by such a call because the bounds were lowered: memory is wanted back soon.
  static constexpr uint32_t kShrinkSlice = 1024;
  // A scope of at most this many entries is reclaimed within the call that invalidates it.
  static constexpr uint32_t kSliceMost = 4096;

  Cache(const Options& options, HandleTable* handles, double* registers);
  [[nodiscard]] bool Init();

  // cache.cpp
  int32_t Bad(const char* what) {
    fault_ = what;
    return TIERCEL_BAD_ARGUMENT;
  }
  // Why there is no handle for something new.
  double NoHandle() const { return handles_.IsFull() ? TIERCEL_LIMIT : TIERCEL_NO_MEMORY; }
  double Tick(double now);
  int32_t Read(Canonical* into, const uint8_t* data, uint32_t bytes, uint32_t encoding, Text* out);
  // Calls each(name) for the strings of a packed list, until one gives another status than TIERCEL_OK.
  template <typename Each>
  int32_t EachName(const uint8_t* list, uint32_t bytes, Each each) {
    for (PackedReader reader(list, bytes); !reader.done();) {
      const uint8_t* data = nullptr;
      uint32_t length = 0;
      uint32_t encoding = 0;
      Text name;
      if (!reader.Next(&data, &length, &encoding)) return Bad("a packed list is cut short");
      int32_t status = Read(&name_, data, length, encoding, &name);
      if (status == TIERCEL_OK) status = each(name);
      if (status != TIERCEL_OK) return status;
    }
    return TIERCEL_OK;
  }
  uint32_t Hash(uint32_t scope, const Text& key) const { return HashText(seed_, scope, 0, key); }
  uint32_t Find(uint32_t scope, uint32_t hash, const Text& key) const;
  bool IsServable(const Entry& entry) const { return now_ < entry.served_until() && !scopes_.IsDead(entry); }
  void Overtake(uint32_t scope, uint32_t hash, const Text& key);
  bool IsOvertaken(const Load& load) const;
  void Expire(Entry* entry, double ttl, double stale);
  void Describe(const Entry& entry);
  void DescribeValue(const Entry& entry);
  int32_t Finish(int32_t result);

  // cache_store.cpp
  int32_t AddTag(uint32_t scope, const Text& name, TagSet* tags);
  int32_t Store(uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence, const Incoming& in);
  int32_t Insert(uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence, const Incoming& in,
                 uint64_t cost, const TagSet& tags);
  void Replace(uint32_t slot);
  uint8_t* AllocateValue(uint32_t bytes);
  void Fill(uint32_t slot, const Incoming& in, uint8_t* value, uint64_t sequence, uint64_t cost,
            const TagSet& tags);

  // cache_reclaim.cpp
  void Remove(uint32_t slot, TiercelCause cause);
  void Record(Entry* entry, uint32_t slot, TiercelCause cause, const StoredText& key, bool freed);
  TiercelCause CauseOf(const Entry& entry, TiercelCause if_alive) const;
  bool EvictOne();
  bool IsOver(uint64_t entries, uint64_t bytes) const;
  void MakeRoom(uint64_t entries, uint64_t cost);
  void Reclaim(uint32_t budget);
  uint64_t Invalidate(uint32_t scope, TiercelCause cause);
  uint64_t InvalidateAll();

  const bool bytes_mode_;
  const uint32_t max_key_bytes_;
  const double jitter_;
  uint64_t max_entries_;
  uint64_t max_bytes_;

  const HandleTable& handles_;
  double* const r_;  // The engine's registers.
  const char* fault_ = "";
  HashSeed seed_;
  uint64_t random_ = 0x9e3779b97f4a7c15;  // State of the jitter's generator.
  // Raised by each set, load and invalidation: "newer" means a greater number.
  uint64_t sequence_ = 0;
  double now_ = 0;  // The latest time seen.

  Entries entries_;
  Index index_;
  Scopes scopes_;
  Loads loads_;
  Policy* policy_ = nullptr;
  uint64_t bytes_ = 0;  // Sum of the costs of all entries.

  // Slots [sweep_at_, sweep_end_) may hold entries that died when the whole cache was cleared.
  uint32_t sweep_at_ = 0;
  uint32_t sweep_end_ = 0;

  RemovalLog log_;
  bool watched_ = false;
  Counters counters_;

  Canonical key_;
  Canonical name_;
  Vector<uint8_t> list_;  // A packed list on its way out.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_CACHE_H_
