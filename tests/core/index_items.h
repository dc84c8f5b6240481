// Items of an index: numbers with hashes, and a plain list of those that are there.
#ifndef TIERCEL_TESTS_CORE_INDEX_ITEMS_H_
#define TIERCEL_TESTS_CORE_INDEX_ITEMS_H_

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "catch.h"
#include "index.h"

namespace tiercel::test {

class IndexItems {
 public:
  // False without memory.
  bool TryAdd(uint32_t hash) {
    const uint32_t before = asked_;
    if (!index_.Reserve([this](uint32_t n) { return HashOf(n); })) return false;
    most_asked_ = std::max(most_asked_, asked_ - before);
    const auto number = static_cast<uint32_t>(hashes_.size());
    hashes_.push_back(hash);
    index_.Insert(hash, number);
    place_[number] = there_.size();
    there_.push_back(number);
    return true;
  }
  void Add(uint32_t hash) { REQUIRE(TryAdd(hash)); }

  void Remove(uint32_t number) {
    index_.Erase(hashes_[number], number);
    const size_t at = place_[number];
    there_[at] = there_.back();
    place_[there_[at]] = at;
    there_.pop_back();
    place_.erase(number);
  }
  // The item at a place of the list.
  void RemoveAt(size_t at) { Remove(there_[at]); }

  // Each that is there and none else. One that was there twice would be found when it is removed.
  void RequireAllFound() const {
    REQUIRE(index_.size() == there_.size());
    for (uint32_t number = 0; number < hashes_.size(); number++) {
      const bool is_there = place_.count(number) != 0;
      const uint32_t found = index_.Find(hashes_[number], [&](uint32_t n) { return n == number; });
      if (found != (is_there ? number : kNone)) FAIL("number " << number << " is found as " << found);
    }
  }

  // Only a number that is there may be asked about: what was erased has no hash any more.
  uint32_t HashOf(uint32_t number) {
    asked_++;
    if (place_.count(number) == 0) FAIL("asked for the hash of " << number);
    return hashes_[number];
  }

  Index& index() { return index_; }
  const std::vector<uint32_t>& there() const { return there_; }
  uint32_t added() const { return static_cast<uint32_t>(hashes_.size()); }
  // Hashes that Reserve asked for, in all and at most in one call.
  uint32_t asked() const { return asked_; }
  uint32_t most_asked() const { return most_asked_; }

 private:
  Index index_;
  std::vector<uint32_t> hashes_;  // By number, those removed as well.
  std::vector<uint32_t> there_;
  std::unordered_map<uint32_t, size_t> place_;  // In there_.
  uint32_t asked_ = 0;
  uint32_t most_asked_ = 0;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_INDEX_ITEMS_H_
