// Invalidation by prefix and by pattern. Entries are not linked to the prefixes of their keys: every entry
// would pay for what few callers do. Instead a barrier remembers the prefix or pattern and the sequence of
// the invalidation. An entry of an older sequence is compared with it when it is read, until a round over all
// slots, walked in slices, has seen every entry. One that was found alive gets a newer sequence: so it is
// compared once, and not with each read.
//
// Prefixes that end with a colon, the common separator, are looked up by hash, one lookup for each colon of a
// key: there may be many at a time. Others, and patterns, are compared one by one: there may be a few.
//
// A barrier outlives its round while a load is in flight that began before it, since what that brings in is
// older than the barrier. Where that would be too many, those loads are told apart: see
// Cache::ForgetBarrier.
#ifndef TIERCEL_SRC_BARRIERS_H_
#define TIERCEL_SRC_BARRIERS_H_

#include <cstdint>

#include "glob.h"
#include "index.h"
#include "list.h"
#include "rounds.h"
#include "slab.h"

namespace tiercel {

struct Barrier {
  uint64_t stamp = 0;
  Rounds::Mark swept;      // Passed once every older entry was seen.
  StoredText text;         // The prefix or pattern.
  uint32_t scope = 0;      // The namespace whose own keys are meant.
  uint32_t hash = 0;       // Of the prefix, if it is hashed.
  uint32_t place = kNone;  // Its number among the open ones, if it is not.
  uint32_t prev = kNone;   // By stamp; `next` chains free barriers too.
  uint32_t next = kNone;
  bool is_pattern = false;
  bool live = false;
};

class Barriers {
 public:
  Barriers() = default;
  Barriers(const Barriers&) = delete;
  Barriers& operator=(const Barriers&) = delete;
  ~Barriers();

  // A prefix, or else a pattern, that is to become a barrier for the keys of a namespace.
  struct Cover {
    uint32_t scope = 0;
    Text text;
    const Glob* glob = nullptr;  // Of a pattern.

    bool Has(uint32_t key_scope, const Text& key) const;
  };

  // Whether it has to wait until older ones of its kind are forgotten.
  bool IsFull(const Cover& cover) const;
  // Adds a barrier, or renews the one there is; IsFull said no. False, and nothing changed, without memory.
  [[nodiscard]] bool Add(const Cover& cover, uint64_t stamp, const Rounds::Mark& swept);

  // The newest stamp among the barriers that cover a key and are newer than `sequence`, or 0.
  uint64_t NewestFor(uint32_t scope, const Text& key, uint64_t sequence) const;

  // Forgets the oldest that no entry, and no load in flight, can be older than.
  void Settle(const Rounds& rounds, uint64_t oldest_load);
  // The oldest of the kind of a cover, and there is one: its place is wanted.
  uint32_t OldestLike(const Cover& cover) const;
  const Barrier& operator[](uint32_t i) const { return barriers_[i]; }
  Cover CoverOf(uint32_t i) const;
  void Forget(uint32_t i);

  bool empty() const { return order_.head == kNone; }
  uint32_t size() const { return order_.size; }
  uint64_t newest() const { return order_.tail == kNone ? 0 : barriers_[order_.tail].stamp; }

 private:
  static constexpr uint32_t kMostOpen = 8;
  static constexpr uint32_t kMostHashed = 4096;

  uint32_t Find(const Cover& cover) const;

  Slab<Barrier, 4> barriers_;
  Index hashed_;
  List<Barrier> order_;            // All, the oldest first.
  uint32_t open_[kMostOpen] = {};  // Those that are not hashed.
  uint32_t open_used_ = 0;         // A bit for each place that is taken.
  Glob* globs_[kMostOpen] = {};    // Owned; of the pattern in the same place.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_BARRIERS_H_
