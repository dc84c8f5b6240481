// An open-addressing hash table from 32-bit hashes to 32-bit numbers. It keeps no keys: whoever owns the
// numbered items compares them and gives their hashes again when the table is rebuilt.
//
// Positions come in aligned groups of 16, each with a control byte that is empty, deleted or 7 bits of the
// hash; a probe looks at whole groups, in triangular order, and ends at the first that has an empty byte
// (Benzaquen et al., "Swiss Tables", CppCon 2017). At most 7/8 of the positions are not empty.
#ifndef TIERCEL_SRC_INDEX_H_
#define TIERCEL_SRC_INDEX_H_

#include <cstdint>

#include "group.h"
#include "key.h"

namespace tiercel {

class Index {
 public:
  Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index();

  void Swap(Index& other);

  // The number n with this hash for which equals(n), or kNone. O(1).
  template <typename Equals>
  uint32_t Find(uint32_t hash, Equals equals) const {
    if (groups_ == 0) return kNone;
    const uint8_t tag = Tag(hash);
    uint32_t group = FirstGroup(hash);
    for (uint32_t step = 1;; step++) {
      const Group controls(control_ + size_t{group} * Group::kWidth);
      for (uint32_t mask = controls.Match(tag); mask != 0; mask &= mask - 1) {
        uint32_t n = numbers_[group * Group::kWidth + LowestBit(mask)];
        if (equals(n)) return n;
      }
      if (controls.Match(kEmpty) != 0) return kNone;
      group = (group + step) & (groups_ - 1);
    }
  }

  // Makes sure that the next Insert has a place; may rebuild the table, asking `hash_of(number)` for each.
  // False, and nothing changed, without memory.
  template <typename HashOf>
  [[nodiscard]] bool Reserve(HashOf hash_of) {
    if (free_ != 0) return true;
    // Mostly tombstones: the same size serves again.
    const bool is_full = uint64_t{size_} * 2 > Places(groups_);
    const uint32_t groups = groups_ == 0 ? 1 : groups_ * (is_full ? 2 : 1);
    Index fresh;
    if (!fresh.Build(groups)) return false;
    for (uint32_t i = 0; i < groups_ * Group::kWidth; i++) {
      if (control_[i] < kEmpty) fresh.Insert(hash_of(numbers_[i]), numbers_[i]);
    }
    Swap(fresh);
    return true;
  }

  // Makes the table empty, with this many groups, a power of two. False, and nothing changed, without memory.
  [[nodiscard]] bool Build(uint32_t groups);
  // Makes the table empty, of the size of another.
  [[nodiscard]] bool BuildLike(const Index& other) { return other.groups_ == 0 || Build(other.groups_); }

  // Adds a number that is not in the table. Reserve must have succeeded.
  void Insert(uint32_t hash, uint32_t number);

  // Removes a number that is in the table.
  void Erase(uint32_t hash, uint32_t number);

  uint32_t size() const { return size_; }
  uint32_t groups() const { return groups_; }

 private:
  static uint8_t Tag(uint32_t hash) { return hash & 0x7f; }
  static uint32_t Places(uint32_t groups) { return groups * Group::kWidth / 8 * 7; }
  uint32_t FirstGroup(uint32_t hash) const { return (hash >> 7) & (groups_ - 1); }

  void* block_ = nullptr;        // Holds the two arrays.
  uint8_t* control_ = nullptr;   // A byte for each position, aligned to 16.
  uint32_t* numbers_ = nullptr;  // The number at each position whose byte is a tag.
  uint32_t groups_ = 0;          // 0 or a power of two.
  uint32_t size_ = 0;
  uint32_t free_ = 0;  // Empty positions that may still be filled before a rebuild.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_INDEX_H_
