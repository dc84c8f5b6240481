// A hash table from 32-bit hashes to 32-bit numbers that grows without a pause. It keeps no keys: whoever
// owns the numbered items compares them, and gives their hashes again when they move.
//
// A table that is full is followed by one of another size in three steps, of which each Reserve does a
// bounded part: a block of memory is had, which is not touched yet; its groups are cleared, while the full
// table takes what comes beyond its limit; then it takes the new items, and the old ones a few groups at a
// time. Only in that last step a lookup that fails looks into two tables. Its memory, too, goes back in
// parts.
#ifndef TIERCEL_SRC_INDEX_H_
#define TIERCEL_SRC_INDEX_H_

#include <cstdint>

#include "group.h"
#include "index_table.h"
#include "key.h"

namespace tiercel {

class Index {
 public:
  // The most items that one Reserve moves, and asks the hashes of.
  static constexpr uint32_t kMostMoved = 2 * Group::kPlaces;

  Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  void Swap(Index& other);

  // The number n with this hash for which equals(n), or kNone. O(1).
  template <typename Equals>
  uint32_t Find(uint32_t hash, const Equals& equals) const {
    const uint32_t n = table_.Find(hash, equals);
    return n == kNone && old_.size() != 0 ? old_.Find(hash, equals) : n;
  }

  // Begins to fetch what Find will read first.
  void Prefetch(uint32_t hash) const { table_.Prefetch(hash); }

  // Says that there will be no more than this many items, so that a large table is made no larger than they
  // need. More are taken all the same. If they become far fewer with a lower bound, the table shrinks.
  void Bound(uint32_t most) { most_ = most; }

  // Makes sure that the next Insert has a place; may move items, asking `hash_of(number)` for each. O(1).
  // False, and nothing changed, without memory.
  template <typename HashOf>
  [[nodiscard]] bool Reserve(const HashOf& hash_of) {
    if (gone_.size() != 0) gone_.ResetSome();
    if (!IsMoving()) {
      const uint64_t groups = WantedGroups();
      if (groups == table_.size()) {
        cursor_ = cursor_ + 1 < table_.size() * kSettleEvery ? cursor_ + 1 : 0;
        if (cursor_ % kSettleEvery == 0) table_.Settle(cursor_ / kSettleEvery, hash_of);
        return true;
      }
      if (!next_.Make(groups)) return groups < table_.size();
      cursor_ = 0;
    }
    if (next_.size() != 0 && !ClearNext()) return true;
    for (uint32_t i = 0; i < kMostMoved / Group::kPlaces && cursor_ < old_.size(); i++) {
      old_.Empty(cursor_++, hash_of, &table_);
    }
    if (cursor_ == old_.size()) {
      gone_.Reset();
      gone_.Swap(old_);
      gone_.ResetSome();
    }
    return true;
  }

  // Adds a number that is not in the table. Reserve must have succeeded. O(1).
  void Insert(uint32_t hash, uint32_t number) {
    table_.Insert(hash, number);
    size_++;
  }

  // Removes a number that is in the table. O(1).
  void Erase(uint32_t hash, uint32_t number) {
    if (!table_.Erase(hash, number)) old_.Erase(hash, number);
    size_--;
  }

  // Makes the table empty, with places for all that another has, which may be inserted without Reserve. O(n).
  // False, and nothing changed, without memory.
  [[nodiscard]] bool BuildLike(const Index& other);

  uint32_t size() const { return size_; }
  // Memory that it holds.
  uint64_t bytes() const {
    return (uint64_t{table_.size()} + old_.size() + next_.size() + gone_.size()) * sizeof(Group);
  }
  bool IsMoving() const { return old_.size() != 0 || next_.size() != 0; }

 private:
  static constexpr uint32_t kSettleEvery = 4;

  // The size that the table should have now.
  uint64_t WantedGroups() const;
  // Clears some groups of the next table. True once all are, and it has taken the place of the table.
  bool ClearNext();

  // Invariant: has a place for each item of all tables, and for those that come before the move is over.
  IndexTable table_;
  IndexTable old_;   // What is left of the table before; of no groups if no items are to be moved.
  IndexTable next_;  // What will be the table; of no groups if none is being cleared. Not while old_ has any.
  IndexTable gone_;  // What was the table before that, and holds nothing; of no groups once its memory is
                     // given back.
  // The first group of next_ to clear, or of old_ to empty; if neither has any, how many times Reserve came
  // by since it began to settle the groups of table_.
  uint32_t cursor_ = 0;
  uint32_t size_ = 0;
  uint32_t most_ = kNone;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_INDEX_H_
