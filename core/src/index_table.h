// A hash table of as many groups as it was made with.
//
// An item lies in the first group of its probe that had an empty place: that of its hash, or another that its
// hash gives, or one of those after that. Every full group that it had to pass counts it, until it is erased,
// and so a probe may end at the first group that no item passed (Bronson and Shi, "Open-sourcing F14", 2019).
// There are no tombstones: what was erased leaves no trace.
//
// Where items come and go, more and more would lie away from their first group though that has room again:
// with nine in a group, a lookup would read 1.16 lines, and one that fails 2.4, where in a new table it is
// 1.04 and 1.2. Settle brings them back: with a call for one group at every fourth insertion it is 1.07
// and 1.4.
#ifndef TIERCEL_SRC_INDEX_TABLE_H_
#define TIERCEL_SRC_INDEX_TABLE_H_

#include <cstdint>

#include "group.h"
#include "key.h"

namespace tiercel {

class IndexTable {
 public:
  IndexTable() = default;
  IndexTable(const IndexTable&) = delete;
  IndexTable& operator=(const IndexTable&) = delete;
  ~IndexTable() { Reset(); }

  void Swap(IndexTable& other);

  // Makes a table of this many groups, none of which is good before Clear. False, and nothing changed,
  // without memory.
  [[nodiscard]] bool Make(uint64_t groups);
  // Empties `count` groups, without regard for those that passed them.
  void Clear(uint32_t first, uint32_t count);
  // Makes it a table of no groups, which finds nothing, and gives the memory back.
  void Reset();
  // The same of a table that nothing is looked for in any more, a part at a time: a system takes milliseconds
  // to take back the pages of a large one.
  void ResetSome();

  template <typename Equals>
  uint32_t Find(uint32_t hash, const Equals& equals) const {
    Place place;
    return Probe(hash, equals, &place) ? groups_[place.group].numbers[place.at] : kNone;
  }

  // Needs an empty place in some group.
  void Insert(uint32_t hash, uint32_t number);

  // False if the number is not in the table.
  bool Erase(uint32_t hash, uint32_t number);

  // Takes out the items that lie in a group, and inserts them in another table.
  template <typename HashOf>
  void Empty(uint32_t group, const HashOf& hash_of, IndexTable* to) {
    Move(group, groups_[group].Taken(), hash_of, to);
  }

  // Inserts again those items in a group that passed others.
  template <typename HashOf>
  void Settle(uint32_t group, const HashOf& hash_of) {
    Move(group, groups_[group].away, hash_of, this);
  }

  void Prefetch(uint32_t hash) const {
    if (size_ != 0) __builtin_prefetch(&groups_[Home(hash)]);
  }

  uint32_t size() const { return size_; }
  const Group& group(uint32_t i) const { return groups_[i]; }

 private:
  struct Place {
    uint32_t group;
    uint32_t at;
  };

  // The upper bits choose the group and the lowest seven are the tag, so they say different things in tables
  // of up to 2^25 groups. Order is kept: emptying one table into another writes that from end to end.
  uint32_t Home(uint32_t hash) const { return static_cast<uint32_t>((uint64_t{hash} * size_) >> 32); }

  // The group that a probe tries after `step` others and the one given. All are tried in size_ + 1 steps.
  uint32_t After(uint32_t group, uint32_t hash, uint32_t step) const {
    if (step == 0) return Home(hash * 0x9e3779b1);
    return group + 1 == size_ ? 0 : group + 1;
  }

  // Looks for an item of this hash whose number satisfies `equals`.
  template <typename Equals>
  bool Probe(uint32_t hash, const Equals& equals, Place* place) const {
    if (size_ == 0) return false;
    const uint8_t tag = Group::Tag(hash);
    uint32_t group = Home(hash);
    // Every group may have an item that passed it, hence the limit.
    for (uint32_t step = 0; step <= size_; step++) {
      const Group& g = groups_[group];
      for (uint32_t mask = g.Match(tag); mask != 0; mask &= mask - 1) {
        const uint32_t at = LowestBit(mask);
        if (!equals(g.numbers[at])) continue;
        *place = {group, at};
        return true;
      }
      if (g.passed == 0) return false;
      group = After(group, hash, step);
    }
    return false;
  }

  template <typename HashOf>
  void Move(uint32_t group, uint32_t mask, const HashOf& hash_of, IndexTable* to) {
    for (; mask != 0; mask &= mask - 1) {
      const uint32_t at = LowestBit(mask);
      const uint32_t number = groups_[group].numbers[at];
      const uint32_t hash = hash_of(number);
      Remove(hash, {group, at});
      to->Insert(hash, number);
    }
  }

  // Empties the place of an item of this hash.
  void Remove(uint32_t hash, Place place);

  static uint64_t BytesFor(uint64_t groups) { return (groups + 1) * sizeof(Group); }  // One to align them.

  void* block_ = nullptr;    // Holds the groups.
  Group* groups_ = nullptr;  // Aligned to a cache line.
  uint32_t size_ = 0;        // How many groups.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_INDEX_TABLE_H_
