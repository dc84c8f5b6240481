#include "index_table.h"

#include <cstring>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

void RequireNoTrace(const IndexTable& table) {
  for (uint32_t i = 0; i < table.size(); i++) {
    REQUIRE(table.group(i).Taken() == 0);
    REQUIRE(table.group(i).passed == 0);
    REQUIRE(table.group(i).away == 0);
  }
}

}  // namespace

TEST_CASE("the vector and the scalar form of a group give the same masks") {
  Random random(1);
  for (int round = 0; round < 5000; round++) {
    Group group;
    for (uint8_t& byte : group.control) {
      const uint32_t kind = random.Below(3);
      byte = kind == 0 ? uint8_t{0} : Group::Tag(kind == 1 ? random.Below(3) : random.Below(128));
    }
    // The words that the vectors take in as well look like tags.
    group.passed = static_cast<uint16_t>(random.Next());
    group.away = static_cast<uint16_t>(random.Below(2) == 0 ? 0x8080 : random.Next());
    for (const uint8_t tag : {Group::Tag(0), Group::Tag(2), Group::Tag(0xffffffff)}) {
      REQUIRE(group.Match(tag) == group.MatchScalar(tag));
    }
    REQUIRE(group.Taken() == group.TakenScalar());
    uint32_t taken = 0;
    uint32_t tagged = 0;
    for (uint32_t i = 0; i < Group::kPlaces; i++) {
      if (group.control[i] != 0) taken |= 1U << i;
      if (group.control[i] == 0x81) tagged |= 1U << i;
    }
    REQUIRE(group.Taken() == taken);
    REQUIRE(group.Empty() == (taken ^ 0xfff));
    REQUIRE(group.Match(Group::Tag(0x101)) == tagged);
  }
}

TEST_CASE("a group that very many items passed counts them no more") {
  Group group = {};
  for (int i = 0; i < 65534; i++) group.Pass();
  group.Unpass();
  REQUIRE(group.passed == 65533);
  for (int i = 0; i < 3; i++) group.Pass();
  REQUIRE(group.passed == Group::kMany);
  for (int i = 0; i < 70000; i++) group.Unpass();
  REQUIRE(group.passed == Group::kMany);
}

TEST_CASE("a table can be filled to the last place, and what was erased leaves no trace") {
  for (const uint32_t groups : {1, 2, 3, 7, 100}) {
    for (const bool same : {true, false}) {
      IndexTable table;
      REQUIRE(table.Make(groups));
      table.Clear(0, groups);
      const uint32_t places = groups * Group::kPlaces;
      Random random(groups);
      std::vector<uint32_t> hashes(places);
      for (uint32_t i = 0; i < places; i++) {
        hashes[i] = same ? 0x80000001 : static_cast<uint32_t>(random.Next());
        table.Insert(hashes[i], i);
      }
      for (uint32_t i = 0; i < places; i++) {
        REQUIRE(table.Find(hashes[i], [i](uint32_t n) { return n == i; }) == i);
      }
      REQUIRE(table.Find(hashes[0], [](uint32_t) { return false; }) == kNone);
      REQUIRE_FALSE(table.Erase(hashes[0], places));
      // Those first that others passed for.
      for (uint32_t i = 0; i < places; i++) {
        REQUIRE(table.Erase(hashes[i], i));
        REQUIRE_FALSE(table.Erase(hashes[i], i));
      }
      RequireNoTrace(table);
    }
  }
}

TEST_CASE("items that are settled lie where they would lie in a new table") {
  constexpr uint32_t kGroups = 50;
  IndexTable table;
  REQUIRE(table.Make(kGroups));
  table.Clear(0, kGroups);
  Random random(5);
  std::vector<uint32_t> hashes;
  const auto hash_of = [&](uint32_t n) { return hashes[n]; };
  for (uint32_t i = 0; i < kGroups * Group::kPlaces; i++) {
    hashes.push_back(static_cast<uint32_t>(random.Next()));
    table.Insert(hashes[i], i);
  }
  // Few enough that each has a place in its own group.
  for (uint32_t i = 0; i < hashes.size(); i++) {
    if (i % 12 != 0) REQUIRE(table.Erase(hashes[i], i));
  }
  for (uint32_t i = 0; i < kGroups; i++) table.Settle(i, hash_of);
  for (uint32_t i = 0; i < kGroups; i++) {
    REQUIRE(table.group(i).passed == 0);
    REQUIRE(table.group(i).away == 0);
  }
  for (uint32_t i = 0; i < hashes.size(); i += 12) {
    REQUIRE(table.Find(hashes[i], [i](uint32_t n) { return n == i; }) == i);
  }

  IndexTable other;
  REQUIRE(other.Make(3 * kGroups));
  other.Clear(0, other.size());
  for (uint32_t i = 0; i < kGroups; i++) table.Empty(i, hash_of, &other);
  RequireNoTrace(table);
  for (uint32_t i = 0; i < hashes.size(); i += 12) REQUIRE(other.Erase(hashes[i], i));
  RequireNoTrace(other);
}

TEST_CASE("a table of more than there can be is refused") {
  IndexTable table;
  REQUIRE_FALSE(table.Make(uint64_t{1} << 33));
  REQUIRE(table.size() == 0);
}

}  // namespace tiercel::test
