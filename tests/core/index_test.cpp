#include "index.h"

#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Numbers with their hashes, found by number.
class Table {
 public:
  void Add(uint32_t hash) {
    const auto number = static_cast<uint32_t>(hashes_.size());
    hashes_.push_back(hash);
    REQUIRE(index_.Reserve([this](uint32_t n) { return hashes_[n]; }));
    index_.Insert(hash, number);
    there_[number] = hash;
  }

  void Remove(uint32_t number) {
    index_.Erase(hashes_[number], number);
    there_.erase(number);
  }

  uint32_t Find(uint32_t number) const {
    return index_.Find(hashes_[number], [&](uint32_t n) { return n == number; });
  }

  void RequireAllFound() const {
    REQUIRE(index_.size() == there_.size());
    for (const auto& [number, hash] : there_) REQUIRE(Find(number) == number);
  }

  Index& index() { return index_; }
  const std::map<uint32_t, uint32_t>& there() const { return there_; }
  size_t added() const { return hashes_.size(); }

 private:
  Index index_;
  std::vector<uint32_t> hashes_;  // By number, those removed as well.
  std::map<uint32_t, uint32_t> there_;
};

}  // namespace

TEST_CASE("the forms of a group of control bytes give the masks that they should") {
  alignas(16) uint8_t control[Group::kWidth];
  Random random(1);
  for (int round = 0; round < 2000; round++) {
    for (uint8_t& byte : control) {
      const uint32_t kind = random.Below(4);
      byte = kind == 0 ? kEmpty : kind == 1 ? kDeleted : static_cast<uint8_t>(random.Below(4));
    }
    const Group group(control);
    for (const uint8_t byte : {uint8_t{0}, uint8_t{3}, kEmpty, kDeleted}) {
      for (uint32_t i = 0; i < Group::kWidth; i++) {
        REQUIRE((group.Match(byte) >> i & 1) == (control[i] == byte ? 1 : 0));
        REQUIRE((group.MatchFree() >> i & 1) == (control[i] >= 0x80 ? 1 : 0));
      }
    }
  }
}

TEST_CASE("an empty index finds nothing") {
  const Index index;
  REQUIRE(index.Find(7, [](uint32_t) { return true; }) == kNone);
  REQUIRE(index.size() == 0);
}

TEST_CASE("an index finds what was inserted and not erased") {
  Random random(2);
  Table table;
  for (int i = 0; i < 20000; i++) {
    if (table.added() == 0 || random.Below(3) != 0) {
      table.Add(static_cast<uint32_t>(random.Next()));
    } else {
      const uint32_t number = random.Below(static_cast<uint32_t>(table.added()));
      if (table.there().count(number) != 0) {
        table.Remove(number);
      } else {
        REQUIRE(table.Find(number) == kNone);
      }
    }
    if (i % 1000 == 0) table.RequireAllFound();
  }
  table.RequireAllFound();
}

TEST_CASE("an index works when all hashes are the same") {
  Table table;
  for (int i = 0; i < 300; i++) table.Add(0xdeadbeef);
  table.RequireAllFound();
  for (uint32_t number = 0; number < 300; number += 2) table.Remove(number);
  table.RequireAllFound();
  REQUIRE(table.Find(0) == kNone);
}

TEST_CASE("an index of constant size does not grow however many come and go") {
  Random random(3);
  Table table;
  for (int i = 0; i < 100; i++) table.Add(static_cast<uint32_t>(random.Next()));
  uint32_t most = 0;
  for (int i = 0; i < 50000; i++) {
    table.Remove(table.there().begin()->first);
    table.Add(static_cast<uint32_t>(random.Next()));
    most = std::max(most, table.index().groups());
  }
  table.RequireAllFound();
  REQUIRE(most <= 32);
}

TEST_CASE("an index without memory stays as it is") {
  Table table;
  for (uint32_t i = 0; i < 14; i++) table.Add(i);
  REQUIRE(table.index().groups() == 1);
  Faults().fail_after = 0;
  REQUIRE_FALSE(table.index().Reserve([](uint32_t n) { return n; }));
  Faults().fail_after = 0;
  Index other;
  REQUIRE_FALSE(other.Build(4));
  Faults().fail_after = -1;
  table.RequireAllFound();
  REQUIRE(other.Find(0, [](uint32_t) { return true; }) == kNone);
}

TEST_CASE("swapped indices have each other's contents") {
  Table table;
  table.Add(5);
  Index empty;
  empty.Swap(table.index());
  REQUIRE(table.Find(0) == kNone);
  REQUIRE(empty.Find(5, [](uint32_t n) { return n == 0; }) == 0);
}

}  // namespace tiercel::test
