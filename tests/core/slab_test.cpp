#include "slab.h"

#include <set>
#include <vector>

#include "catch.h"
#include "list.h"
#include "random.h"

namespace tiercel::test {
namespace {

struct Item {
  uint32_t prev = kNone;
  uint32_t next = kNone;
  uint32_t value = 0;
  bool live = false;
};

using Items = Slab<Item, 4>;

uint32_t Add(Items& items, uint32_t value) {
  REQUIRE(items.Reserve());
  const uint32_t i = items.Take();
  items[i].value = value;
  return i;
}

// The values on a list, read in both directions.
std::vector<uint32_t> Values(Items& items, const List<Item>& list) {
  std::vector<uint32_t> values;
  uint32_t last = kNone;
  for (uint32_t i = list.head; i != kNone; i = items[i].next) {
    REQUIRE(items[i].prev == last);
    values.push_back(items[i].value);
    last = i;
  }
  REQUIRE(list.tail == last);
  REQUIRE(list.size == values.size());
  return values;
}

}  // namespace

TEST_CASE("a slab gives each item a number of its own and its place never moves") {
  Items items;
  std::vector<Item*> places;
  for (uint32_t i = 0; i < 100; i++) {
    REQUIRE(Add(items, i) == i);
    places.push_back(&items[i]);
  }
  for (uint32_t i = 0; i < 100; i++) {
    REQUIRE(&items[i] == places[i]);
    REQUIRE(items[i].value == i);
    REQUIRE(items.IsLive(i));
  }
  REQUIRE(items.size() == 100);
  REQUIRE_FALSE(items.IsLive(100));
}

TEST_CASE("a slab gives freed numbers out again, the last first, as new items") {
  Items items;
  for (uint32_t i = 0; i < 20; i++) Add(items, 7);
  items.Give(3);
  items.Give(11);
  REQUIRE(items.size() == 18);
  REQUIRE_FALSE(items.IsLive(3));
  REQUIRE(items.Reserve(2));
  REQUIRE(items.Take() == 11);
  REQUIRE(items.Take() == 3);
  REQUIRE(items[3].value == 0);
  REQUIRE(items.used() == 20);
}

TEST_CASE("a slab without memory keeps what it has") {
  Items items;
  for (uint32_t i = 0; i < 16; i++) Add(items, i);
  for (const int64_t fail_after : {0, 1}) {
    Faults().fail_after = fail_after;
    const bool reserved = items.Reserve(17);
    Faults().fail_after = -1;
    REQUIRE_FALSE(reserved);
  }
  REQUIRE(items.size() == 16);
  REQUIRE(items.Reserve(17));
  std::set<uint32_t> numbers;
  for (int i = 0; i < 17; i++) numbers.insert(items.Take());
  REQUIRE(numbers.size() == 17);
  REQUIRE(*numbers.begin() == 16);
}

TEST_CASE("a list keeps its order through additions, removals and appended lists") {
  Items items;
  List<Item> list;
  List<Item> other;
  std::vector<uint32_t> expected;
  std::vector<uint32_t> numbers;
  Random random(1);
  for (uint32_t i = 0; i < 200; i++) {
    const uint32_t number = Add(items, i);
    list.PushTail(items, number);
    expected.push_back(i);
    numbers.push_back(number);
    if (random.Below(3) != 0) continue;
    const uint32_t at = random.Below(static_cast<uint32_t>(numbers.size()));
    list.Remove(items, numbers[at]);
    numbers.erase(numbers.begin() + at);
    expected.erase(expected.begin() + at);
  }
  REQUIRE(Values(items, list) == expected);

  other.Append(items, list);
  REQUIRE(Values(items, list).empty());
  REQUIRE(Values(items, other) == expected);
  list.PushTail(items, Add(items, 1000));
  other.Append(items, list);
  other.Append(items, list);
  expected.push_back(1000);
  REQUIRE(Values(items, other) == expected);
  for (uint32_t i = other.head; i != kNone; i = other.head) other.Remove(items, i);
  REQUIRE(Values(items, other).empty());
}

}  // namespace tiercel::test
