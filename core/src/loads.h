// Loads in flight. Each remembers the sequence at which it began, and whether its key was deleted or set
// since: then what it brings is out of date and nobody may join it any more.
#ifndef TIERCEL_SRC_LOADS_H_
#define TIERCEL_SRC_LOADS_H_

#include <cstdint>

#include "handle.h"
#include "index.h"
#include "list.h"
#include "names.h"
#include "slab.h"

namespace tiercel {

struct Load {
  uint64_t sequence = 0;
  double handle = 0;
  StoredText key;
  uint32_t hash = 0;
  uint32_t scope = 0;  // The namespace of the key.
  uint32_t prev = kNone;
  uint32_t next = kNone;
  Names names;             // That the value is known to have.
  bool overtaken = false;  // Invariant: in the index unless overtaken.
  bool missed = false;     // A barrier is forgotten that is newer and does not cover it.
  bool live = false;
};

class Loads {
 public:
  static constexpr uint64_t kNoLoad = UINT64_MAX;

  explicit Loads(HandleTable* handles) : handles_(*handles) {}
  ~Loads();

  // The load of a key that others may join, or kNone.
  uint32_t Find(uint32_t scope, uint32_t hash, const Text& key) const;

  // Begins a load of a key that Find does not find. kNone without memory or handles.
  uint32_t Begin(Cache* cache, uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence);

  // The names that the value of a load is known to have; the caller holds them, and releases them before End.
  Names* names(uint32_t load) { return &loads_[load].names; }

  // The key of a load in flight changed or went.
  void Overtake(uint32_t load);

  // A barrier that does not cover a load in flight, as far as is known of it, is forgotten.
  void Miss(uint32_t load) { loads_[load].missed = true; }

  // Calls `see` with each load in flight that began before a sequence. It may overtake it.
  template <typename See>
  void EachBefore(uint64_t sequence, const See& see) {
    for (uint32_t i = order_.head; i != kNone && loads_[i].sequence < sequence; i = loads_[i].next) see(i);
  }

  void End(uint32_t load);

  // Rehashes all keys into `spare`, which SpareIndex made.
  [[nodiscard]] bool SpareIndex(Index* spare) const { return spare->BuildLike(keys_); }
  void Seed(const HashSeed& seed, Index* spare);

  // The sequence of the oldest load in flight, or kNoLoad.
  uint64_t OldestSequence() const { return order_.head == kNone ? kNoLoad : loads_[order_.head].sequence; }

  const Load& operator[](uint32_t load) const { return loads_[load]; }
  uint32_t size() const { return loads_.size(); }

 private:
  HandleTable& handles_;
  Slab<Load, 4> loads_;  // Large items, and mostly few.
  Index keys_;
  List<Load> order_;  // By sequence, the oldest first.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_LOADS_H_
