// What is known of keys by their hashes: how often they were used lately, and which of them left lately. Both
// are in one cache line for a key, so that a miss reads one line and an eviction writes one.
//
// Counts are a count-min sketch (Cormode and Muthukrishnan, "An improved data stream summary: the count-min
// sketch and its applications", 2005) of 4-bit counters, which all are halved from time to time so that it
// forgets (Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache admission policy", ACM TOS 2017).
//
// Keys that left are ghosts, of two kinds, the oldest of a kind forgotten when there are too many. A ghost is
// 15 bits of hash, its kind, and the generation in which it left: about a 32nd of the ghosts that there may
// be. Generations are forgotten as a whole and at once, by their number; the cells of their ghosts are
// free from then on, without being looked for.
//
// Blocks are halved a few at a time, and added a few at a time as the cache grows: no call does more than a
// little of either.
#ifndef TIERCEL_SRC_HISTORY_H_
#define TIERCEL_SRC_HISTORY_H_

#include <cstdint>

#include "block_table.h"

namespace tiercel {

class History {
 public:
  static constexpr uint32_t kMax = 15;

  enum Ghost : uint32_t { kRejected, kDisplaced, kNoGhost };
  struct Past {
    // At least as many as there were uses lately, kMax at most; 1 if it is not known.
    uint32_t count;
    Ghost ghost;
  };

  // A key was asked for that is not there: counts one more use, and forgets its ghost.
  Past Recall(uint32_t hash);
  // A key leaves that was used so often lately, and is remembered as a ghost of this kind, if of any.
  void Leave(uint32_t hash, uint32_t count, Ghost ghost);
  // Fetches what these will read.
  void Prefetch(uint32_t hash) const {
    if (blocks_.size() != 0) __builtin_prefetch(&blocks_[blocks_.Find(hash)], 1);
  }

  // Halves all counts: they are seen so at once, and what it takes is done in the calls of HalveSome, which
  // tells whether there is more to do. To be called when there is not.
  void Halve() { halved_ = 0; }
  bool HalveSome();

  // To be called for each entry that comes in, with how many there are: grows, a little, if it is small for
  // these. Without memory it goes on as it is, and overestimates.
  void MakeFor(uint32_t entries);
  // As many ghosts of each kind, at most, are remembered from now on.
  void SetGhosts(uint32_t most) {
    most_ = most;
    per_generation_ = most < kGenerationsInUse ? 1 : most / kGenerationsInUse;
  }

  void Clear();

  uint32_t ghosts(Ghost kind) const { return kinds_[kind].size; }
  uint64_t counters() const { return uint64_t{blocks_.size()} * kRows * kColumns; }
  uint64_t memory() const { return blocks_.memory(); }

 private:
  static constexpr uint32_t kRows = 4;
  static constexpr uint32_t kColumns = 20;  // Counters of a row in a block.
  static constexpr uint32_t kWords = kRows * kColumns / 16;
  static constexpr uint32_t kCells = 8;
  static constexpr uint32_t kUnsure = 2;  // Higher counts are doubted if all of the block are.

  // The more keys share a counter the more estimates are too high, which costs a small cache most; so the
  // first entries have more blocks.
  static constexpr uint32_t kMinBlocks = 256;
  static constexpr uint32_t kFirstEntries = 4096;
  static constexpr uint32_t kFirstEntriesPerBlock = 4;
  static constexpr uint32_t kEntriesPerBlock = 8;
  static constexpr uint32_t kSweep = 256;  // Blocks halved in a call: 16 KiB.

  // Generations are numbered on and on, modulo 2^32, and in cells modulo kGenerations. One that is forgotten
  // is not numbered again before a long time, in which nearly each of its cells will have been taken.
  static constexpr uint32_t kGenerations = 128;
  static constexpr uint32_t kGenerationsInUse = 32;
  static constexpr uint32_t kMostInUse = 96;  // Where many ghosts were taken out, generations get small.

  struct Block {
    uint64_t counts[kWords];
    uint16_t prints[kCells];  // 15 bits of the hash of a ghost, and its kind.
    uint8_t marks[kCells];    // Its generation and kTaken, or 0 if the cell is free.
  };
  static constexpr uint32_t kPrintBits = 15;
  static constexpr uint32_t kGeneration = kGenerations - 1;
  static constexpr uint32_t kTaken = kGenerations;

  struct Kind {
    uint32_t size = 0;
    uint32_t oldest = 0;  // The generations from here to `newest` are remembered.
    uint32_t newest = 0;
    uint32_t sizes[kGenerations] = {};
  };

  static uint32_t Columns(uint32_t hash) { return static_cast<uint32_t>(SpreadHash(hash) >> 32); }
  static uint32_t Print(uint32_t hash) { return hash >> (32 - kPrintBits); }
  // The place of a counter in a block.
  static uint32_t Counter(uint32_t columns, uint32_t row) {
    return row * kColumns + ((columns >> (row * 8) & 0xff) * kColumns >> 8);
  }
  // The mean of the counters of a block. Where a high count is not far above it, many keys were chosen to
  // have that block, and it says nothing of any.
  static uint32_t Mean(const Block& block);
  // Raises counters that are less to `count`, as halved as those of the block are.
  void Raise(uint32_t block, uint32_t columns, uint32_t count);
  // 1 if the counts of a block are still to be halved.
  uint32_t Owed(uint32_t block) const { return block < halved_ ? 0 : 1; }

  // The block of a key's ghost: the one of its counts, but in a small cache, which has more blocks than
  // ghosts: cells of forgotten ones have to be taken before their generation is numbered again.
  Block& GhostBlock(uint32_t hash) {
    const uint32_t i = hash & ghost_mask_;
    return blocks_[i < ghost_blocks_ ? i : i & (ghost_mask_ >> 1)];
  }
  static Ghost GhostOf(const Block& block, uint32_t cell) {
    return static_cast<Ghost>(block.prints[cell] >> kPrintBits);
  }
  // How many generations ago the ghost in a cell left, or kGenerations if there is none or it is forgotten.
  uint32_t Age(const Block& block, uint32_t cell) const;
  Ghost TakeGhost(uint32_t hash);
  void AddGhost(uint32_t hash, Ghost ghost);
  void Free(Block& block, uint32_t cell);
  static void ForgetOldest(Kind& kind);

  BlockTable<Block> blocks_;
  uint32_t halved_ = 0;  // Blocks from here on are still to be halved.
  uint32_t ghost_blocks_ = 1;
  uint32_t ghost_mask_ = 0;
  uint32_t most_ = 1;  // Ghosts of a kind.
  uint32_t per_generation_ = 1;
  Kind kinds_[2];
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_HISTORY_H_
