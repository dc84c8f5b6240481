// How often keys were used lately, by hash: a count-min sketch (Cormode and Muthukrishnan, "An improved data
// stream summary: the count-min sketch and its applications", 2005) of 4-bit counters, which all are halved
// from time to time so that it forgets (Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache
// admission policy", ACM TOS 2017). The four counters of a key are in one cache line, as in Caffeine's.
//
// Blocks are halved a few at a time, and added one at a time as the cache grows: no call does more than a
// little of either.
#ifndef TIERCEL_SRC_SKETCH_H_
#define TIERCEL_SRC_SKETCH_H_

#include <cstdint>

#include "block_table.h"

namespace tiercel {

class Sketch {
 public:
  static constexpr uint32_t kMax = 15;

  // Counts one more use of a key. Returns how many there were lately, this one included: at least as many as
  // there were, kMax at most. 1 without memory.
  uint32_t Add(uint32_t hash);
  // Makes the count of a key at least this.
  void Raise(uint32_t hash, uint32_t count);
  void Prefetch(uint32_t hash) const {
    if (blocks_.size() != 0) __builtin_prefetch(&blocks_[Follow(hash).block], 1);
  }

  // Time passes: to be called for each use of any key. Once in 10 calls for each entry that the sketch is
  // made for, all counters are halved, in the course of a few calls.
  void Tick() {
    if (cursor_ == 0 && ++ticks_ < period_) return;
    ticks_ = 0;
    Sweep();
  }
  // How often all were halved.
  uint32_t epoch() const { return epoch_; }

  // To be called for each entry that comes in, with how many there are: grows, a little, if it is small for
  // these. Without memory it goes on as it is, and overestimates.
  void MakeFor(uint32_t entries);

  void Clear() {
    blocks_.Clear();
    cursor_ = 0;
  }

  uint64_t counters() const { return uint64_t{blocks_.size()} * kRows * kColumns; }
  uint64_t memory() const { return blocks_.memory(); }

 private:
  static constexpr uint32_t kRows = 4;
  static constexpr uint32_t kColumns = 32;  // Counters of a row in a block.
  // The more keys share a counter the more estimates are too high, which costs a small cache most; so the
  // first entries have more of a block.
  static constexpr uint32_t kMinBlocks = 128;
  static constexpr uint32_t kFirstEntries = 4096;
  static constexpr uint32_t kFirstEntriesPerBlock = 4;
  static constexpr uint32_t kEntriesPerBlock = 16;

  static constexpr uint32_t kTicksPerEntry = 10;
  static constexpr uint32_t kMinEntries = 256;  // As many, at least, count for the time between two halvings.
  static constexpr uint32_t kSweep = 64;        // Blocks halved in a call.

  // Words 2r and 2r + 1 are row r.
  struct Block {
    uint64_t words[8];
  };
  struct Path {
    uint32_t block;
    uint32_t columns;  // Five bits for each row.
  };

  Path Follow(uint32_t hash) const {
    const uint64_t spread = SpreadHash(hash);
    return {blocks_.Find(static_cast<uint32_t>(spread)), static_cast<uint32_t>(spread >> 44)};
  }
  void Sweep();

  BlockTable<Block> blocks_;
  uint64_t ticks_ = 0;  // Since the last sweep.
  uint64_t period_ = uint64_t{kTicksPerEntry} * kMinEntries;
  uint32_t cursor_ = 0;  // The next block of a sweep; 0: there is none.
  uint32_t epoch_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_SKETCH_H_
