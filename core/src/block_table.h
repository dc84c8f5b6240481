// A table of blocks of one cache line, of which a hash chooses one, that grows by a block at a time: the
// next block in turn is split, and no other is touched (Litwin, "Linear hashing", VLDB 1980).
#ifndef TIERCEL_SRC_BLOCK_TABLE_H_
#define TIERCEL_SRC_BLOCK_TABLE_H_

#include <cstdint>

#include "memory.h"

namespace tiercel {

// 64 bits of which any are as good as the 32 of the hash.
inline uint64_t SpreadHash(uint32_t hash) {
  uint64_t x = hash * uint64_t{0x9e3779b97f4a7c15};
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93U;
  return x ^ (x >> 32);
}

template <typename Block>
class BlockTable {
  static_assert(sizeof(Block) == 64 && std::is_trivially_copyable_v<Block>);

 public:
  BlockTable() = default;
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;
  ~BlockTable() { Clear(); }

  // The number of the block for a hash, of which the low bits count. There must be one.
  uint32_t Find(uint32_t hash) const {
    const uint32_t i = hash & mask_;
    return i < size_ ? i : i & (mask_ >> 1);
  }

  Block& operator[](uint32_t i) { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  const Block& operator[](uint32_t i) const { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }

  // Adds a block, all zeros. Some hashes of the block `Parent()` are its own now. False without memory.
  [[nodiscard]] bool Grow() {
    if (size_ == chunks_.size() << kChunkBits && !AddChunk()) return false;
    (*this)[size_] = Block{};
    if (size_ > mask_) mask_ = mask_ * 2 + 1;
    size_++;
    return true;
  }
  // The block that the last one was split from; itself if it is the only one.
  uint32_t Parent() const { return (size_ - 1) & (mask_ >> 1); }

  void Clear() {
    for (void* block : allocated_) Free(block);
    allocated_.Reset();
    chunks_.Reset();
    size_ = mask_ = 0;
  }

  uint32_t size() const { return size_; }
  uint64_t memory() const { return chunks_.size() * (kChunkBytes + sizeof(Block*) + sizeof(void*)); }

 private:
  static constexpr uint32_t kChunkBits = 6;
  static constexpr uint32_t kChunk = 1U << kChunkBits;
  static constexpr uint64_t kChunkBytes = uint64_t{kChunk + 1} * sizeof(Block);  // One to align them.

  bool AddChunk() {
    const size_t n = chunks_.size() + 1;
    if (!chunks_.Reserve(n) || !allocated_.Reserve(n)) return false;
    void* block = Allocate(kChunkBytes);
    if (block == nullptr) return false;
    const size_t past = reinterpret_cast<uintptr_t>(block) % sizeof(Block);
    (void)allocated_.Push(block);  // These have room.
    (void)chunks_.Push(reinterpret_cast<Block*>(static_cast<uint8_t*>(block) + (sizeof(Block) - past)));
    return true;
  }

  Vector<Block*> chunks_;  // Aligned to lines, within `allocated_`.
  Vector<void*> allocated_;
  uint32_t size_ = 0;
  uint32_t mask_ = 0;  // The smallest 2^k - 1 that is not below size_ - 1.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_BLOCK_TABLE_H_
