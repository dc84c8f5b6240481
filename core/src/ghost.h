// The hashes of entries that left, the oldest forgotten when there are too many: what is left of an entry
// when it is gone.
//
// The hashes are in a ring in order of arrival. Which are still remembered, a table tells: its cells name
// places in the ring, with 7 bits of the hash so that a lookup hardly ever goes there in vain. A hash has two
// blocks of 16 cells and goes into the emptier (Azar et al., "Balanced allocations", STOC 1994), which lets
// the table be 3/4 full and hardly ever without a cell. A hash that is taken out leaves its place in the ring
// behind; when these are many the others are moved together, a few at a time.
#ifndef TIERCEL_SRC_GHOST_H_
#define TIERCEL_SRC_GHOST_H_

#include <cstdint>

#include "block_table.h"
#include "memory.h"

namespace tiercel {

class Ghosts {
 public:
  Ghosts() = default;
  Ghosts(const Ghosts&) = delete;
  Ghosts& operator=(const Ghosts&) = delete;
  ~Ghosts() { Clear(); }

  // At most this many are remembered from now on; those above it go in the course of the next calls of Add.
  void SetCapacity(uint64_t capacity);

  // Remembers one, by 7 bits more of its key's hash if the caller has them. Without memory it is forgotten,
  // or an older one.
  void Add(uint32_t hash, uint32_t print = 0);
  // Forgets one with this hash and print. False if there is none.
  bool Remove(uint32_t hash, uint32_t print = 0);
  // Fetches what Remove will read.
  void Prefetch(uint32_t hash) const;

  void Clear();

  uint32_t size() const { return size_; }
  uint64_t memory() const {
    return table_.memory() + (uint64_t{chunks_} * kChunk + uint64_t{directory_size_} * 2) * 4;
  }

 private:
  static constexpr uint32_t kCells = 16;
  static constexpr uint32_t kLoad = 12;           // Of these, on average,
  static constexpr uint32_t kSlack = 2 * kCells;  // but for a small table, where averages mean little.
  static constexpr uint32_t kPlaceBits = 24;
  static constexpr uint32_t kPlaces = 1U << kPlaceBits;
  static constexpr uint32_t kChunkBits = 9;
  static constexpr uint32_t kChunk = 1U << kChunkBits;
  static constexpr uint32_t kCompacted = 8;  // Places looked at in a call.
  static constexpr uint32_t kMaxLength = kPlaces - 2 * kChunk;

  // 0, or a mark, 7 bits of hash and print and a place in the ring.
  struct Block {
    uint32_t cells[kCells];
  };
  // What a hash is looked up by.
  struct Path {
    uint32_t first;  // A block.
    uint32_t second;
    uint32_t tag;  // The upper byte of its cell, but for the print.
  };

  // The free cells of a block, and one of them.
  struct Vacancy {
    uint32_t* cell = nullptr;
    uint32_t count = 0;
  };

  static uint32_t Tag(uint32_t cell) { return cell >> kPlaceBits; }
  static uint32_t Place(uint32_t cell) { return cell & (kPlaces - 1); }

  Path Follow(uint32_t hash) const;
  uint32_t& At(uint32_t place) {
    return directory_[(place >> kChunkBits) & (directory_size_ - 1)][place & (kChunk - 1)];
  }
  uint32_t Length() const { return next_ - oldest_; }

  [[nodiscard]] bool ReserveRing();
  [[nodiscard]] bool GrowDirectory();
  void ReleaseChunk(uint32_t place);
  void GrowTable();
  void Insert(const Path& path, uint32_t print, uint32_t place);
  Vacancy Look(uint32_t block);
  // Frees a cell of a full block by moving a hash to its other block, or nullptr.
  uint32_t* MakeVacancy(uint32_t block);
  // The cell that names a place, or nullptr if what was there is not remembered any more.
  uint32_t* CellOf(uint32_t place);
  void ForgetOldest();
  // Moves a few hashes together where too many places are left behind.
  void Compact();

  BlockTable<Block> table_;
  uint32_t size_ = 0;  // Cells that are not 0.
  uint32_t capacity_ = 0;

  // The ring: places are numbered on and on, modulo 2^32, and those from oldest_ to before next_ are in
  // chunks.
  uint32_t** directory_ = nullptr;
  uint32_t directory_size_ = 0;  // A power of two.
  uint32_t chunks_ = 0;
  uint32_t* spare_ = nullptr;  // A chunk given up by the oldest, for the newest.
  uint32_t oldest_ = 0;
  uint32_t next_ = 0;

  // While the ring is compacted, what was before read_ is before write_, and nothing remembered is between.
  bool compacting_ = false;
  uint32_t read_ = 0;
  uint32_t write_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_GHOST_H_
