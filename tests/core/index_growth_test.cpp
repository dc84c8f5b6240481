#include <algorithm>
#include <cstdio>

#include "catch.h"
#include "index.h"
#include "index_items.h"
#include "memory.h"
#include "random.h"

namespace tiercel::test {
namespace {

uint32_t Hash(Random& random) { return static_cast<uint32_t>(random.Next()); }

// An index of `count` items, of random hashes.
void Fill(IndexItems* items, Random& random, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) items->Add(Hash(random));
}

// Adds items until the index begins to move, and adds one more.
void FillUntilMoving(IndexItems* items, Random& random, uint32_t at_least) {
  Fill(items, random, at_least);
  while (!items->index().IsMoving()) items->Add(Hash(random));
}

}  // namespace

TEST_CASE("an index that moves has every item, whatever comes and goes meanwhile") {
  for (const uint32_t at_least : {1000, 2000}) {
    Random random(at_least);
    IndexItems items;
    FillUntilMoving(&items, random, at_least);
    int steps = 0;
    for (; items.index().IsMoving(); steps++) {
      items.RequireAllFound();
      // New items, items of before, and items that a moment ago were new.
      items.Add(Hash(random));
      items.RemoveAt(random.Below(static_cast<uint32_t>(items.there().size())));
      items.Remove(items.there().back());
      items.Add(Hash(random));
    }
    REQUIRE(steps > 20);
    items.RequireAllFound();
  }
}

TEST_CASE("an index that moves can be emptied, swapped and begun again") {
  Random random(1);
  IndexItems items;
  FillUntilMoving(&items, random, 2000);
  Index other;
  other.Swap(items.index());
  REQUIRE(items.index().size() == 0);
  REQUIRE_FALSE(items.index().IsMoving());
  items.index().Swap(other);
  items.RequireAllFound();
  while (!items.there().empty()) items.RemoveAt(0);
  items.RequireAllFound();
  FillUntilMoving(&items, random, 4000);
  items.RequireAllFound();
}

TEST_CASE("swapped indices go on where the other was") {
  Random random(11);
  IndexItems items;
  FillUntilMoving(&items, random, 2000);
  IndexItems others;
  Fill(&others, random, 9000);
  REQUIRE_FALSE(others.index().IsMoving());
  items.index().Swap(others.index());
  while (others.index().IsMoving()) {
    REQUIRE(others.index().Reserve([&](uint32_t n) { return items.HashOf(n); }));
  }
  items.index().Swap(others.index());
  items.RequireAllFound();
  others.RequireAllFound();
}

TEST_CASE("no insertion clears more than a page of a new table") {
  Random random(12);
  IndexItems items;
  FillUntilMoving(&items, random, 10000);
  const uint64_t pages = items.index().bytes() / 3 * 2 / 4096;
  const uint32_t asked = items.asked();
  const uint32_t begun = items.added();
  while (items.asked() == asked) items.Add(Hash(random));
  REQUIRE(items.added() - begun + 1 >= pages);
}

TEST_CASE("no insertion moves more than a few items") {
  Random random(2);
  IndexItems items;
  Fill(&items, random, 200000);
  REQUIRE(items.most_asked() > Group::kPlaces);
  REQUIRE(items.most_asked() <= Index::kMostMoved);
  // Each move of a table that doubles is paid for by as many insertions.
  REQUIRE(items.asked() < 3 * items.added());
}

TEST_CASE("no insertion gives back more than a few pages of an old table") {
  Random random(13);
  IndexItems items;
  uint64_t most = 0;
  uint64_t in_all = 0;
  for (int i = 0; i < 200000; i++) {
    const uint64_t before = items.index().bytes();
    items.Add(Hash(random));
    if (items.index().bytes() >= before) continue;
    most = std::max(most, before - items.index().bytes());
    in_all += before - items.index().bytes();
  }
  REQUIRE(most <= 16 * 4096);
  REQUIRE(in_all > items.index().bytes() / 3);
  items.RequireAllFound();
}

TEST_CASE("a move is done long before the table is full again") {
  Random random(3);
  IndexItems items;
  while (items.added() < 200000) {
    const uint32_t at = items.added();
    FillUntilMoving(&items, random, 1);
    const uint32_t begun = items.added();
    while (items.index().IsMoving()) items.Add(Hash(random));
    if (begun != at + 1) REQUIRE(items.added() - begun < begun / 10 + 3);
  }
}

TEST_CASE("an index of constant size does not grow, and brings its items back to their groups") {
  Random random(4);
  IndexItems items;
  items.index().Bound(20000);
  Fill(&items, random, 20000);
  REQUIRE_FALSE(items.index().IsMoving());
  const uint64_t bytes = items.index().bytes();
  const auto churn = [&](int count) {
    const uint32_t asked = items.asked();
    for (int i = 0; i < count; i++) {
      items.RemoveAt(random.Below(20000));
      items.Add(Hash(random));
    }
    return static_cast<double>(items.asked() - asked) / count;
  };
  churn(200000);
  REQUIRE(items.index().bytes() == bytes);
  // Only items away from their group are asked about, nine in a group, one group at every fourth insertion:
  // the share of items that is away stays at 8 %, where left alone it would be 14 %.
  const double away = churn(50000) * 4 / 9;
  REQUIRE(away > 0.05);
  REQUIRE(away < 0.1);
  items.RequireAllFound();
}

TEST_CASE("an index that knows its bound takes no more memory than that needs") {
  for (const uint32_t most : {1, 9, 1000, 5000, 10000, 30000, 30010, 100000}) {
    Random random(most);
    IndexItems items;
    items.index().Bound(most);
    Fill(&items, random, most);
    do {
      items.RemoveAt(0);
      items.Add(Hash(random));
      REQUIRE(items.index().Reserve([&](uint32_t n) { return items.HashOf(n); }));
    } while (items.index().IsMoving());
    const uint64_t bytes = items.index().bytes();
    if (most >= 10000) {
      REQUIRE(bytes == (most / 9 + 1) * sizeof(Group));
    } else {
      REQUIRE(bytes < (most / 9 + 1) * 2 * sizeof(Group));
      REQUIRE((bytes & (bytes - 1)) == 0);
    }
    REQUIRE(items.index().Reserve([&](uint32_t n) { return items.HashOf(n); }));
    REQUIRE(items.index().bytes() == bytes);
    // More are taken all the same.
    Fill(&items, random, most / 10 + 20);
    if (most < 100000) items.RequireAllFound();
  }
}

TEST_CASE("an index whose bound was lowered gives memory back") {
  Random random(5);
  IndexItems items;
  Fill(&items, random, 50000);
  const uint64_t bytes = items.index().bytes();
  while (items.there().size() > 500) items.RemoveAt(items.there().size() - 1);
  // Unless it is told so, it expects them to come again.
  for (int i = 0; i < 100; i++) {
    items.RemoveAt(random.Below(500));
    items.Add(Hash(random));
  }
  REQUIRE(items.index().bytes() == bytes);
  items.index().Bound(500);
  for (int i = 0; i < 10000; i++) {
    if (i % 1000 == 0) items.RequireAllFound();
    items.RemoveAt(random.Below(500));
    items.Add(Hash(random));
  }
  REQUIRE_FALSE(items.index().IsMoving());
  REQUIRE(items.index().bytes() <= bytes / 16);
  items.RequireAllFound();
  REQUIRE(items.most_asked() <= Index::kMostMoved);
}

TEST_CASE("an index that shrinks takes whatever comes instead") {
  Random random(6);
  IndexItems items;
  Fill(&items, random, 50000);
  while (items.there().size() > 500) items.RemoveAt(items.there().size() - 1);
  items.index().Bound(500);
  Fill(&items, random, 60000);
  items.RequireAllFound();
}

TEST_CASE("an index without memory stays as it is, in the midst of a move too") {
  Random random(7);
  IndexItems items;
  int failures = 0;
  while (items.added() < 6000) {
    Faults().fail_after = 0;
    const uint64_t bytes = items.index().bytes();
    const bool added = items.TryAdd(Hash(random));
    Faults().fail_after = -1;
    if (added) continue;
    failures++;
    REQUIRE(items.index().bytes() == bytes);
    REQUIRE_FALSE(items.index().IsMoving());
    items.RequireAllFound();
    // One that goes makes room for one that comes.
    if (!items.there().empty()) {
      items.RemoveAt(0);
      Faults().fail_after = 0;
      REQUIRE(items.TryAdd(Hash(random)));
    }
    Faults().fail_after = 0;
    Index other;
    REQUIRE(other.BuildLike(items.index()) == items.there().empty());
    Faults().fail_after = -1;
    items.Add(Hash(random));
  }
  REQUIRE(failures == 11);  // From nothing to 1 group, and to 2, 4 ... 1024 groups.
  items.RequireAllFound();
}

TEST_CASE("an index that has no memory to shrink serves as it is") {
  Random random(8);
  IndexItems items;
  Fill(&items, random, 20000);
  while (items.there().size() > 100) items.RemoveAt(items.there().size() - 1);
  items.index().Bound(100);
  Faults().fail_after = 0;
  Faults().and_after = true;
  for (int i = 0; i < 50; i++) {
    items.RemoveAt(0);
    items.Add(Hash(random));
  }
  Faults() = {-1, false, Faults().live, Faults().count};
  items.RequireAllFound();
}

TEST_CASE("an index gives all its memory back") {
  const int64_t live = Faults().live;
  {
    Random random(9);
    IndexItems items;
    FillUntilMoving(&items, random, 3000);
  }
  REQUIRE(Faults().live == live);
}

TEST_CASE("memory of an index, per item") {
  Random random(10);
  Index index;
  Index bounded;
  std::vector<uint32_t> hashes;
  for (const uint32_t count : {1000, 10000, 100000, 1000000}) {
    bounded.Bound(count);
    for (Index* it : {&index, &bounded}) {
      while (it->size() < count) {
        if (hashes.size() == it->size()) hashes.push_back(Hash(random));
        REQUIRE(it->Reserve([&](uint32_t n) { return hashes[n]; }));
        it->Insert(hashes[it->size()], it->size());
      }
    }
    for (Index* it : {&index, &bounded}) {
      const double bytes = static_cast<double>(it->bytes()) / count;
      std::printf("%8u items: %5.2f bytes per item%s%s\n", count, bytes, it == &bounded ? ", bounded" : "",
                  it->IsMoving() ? ", moving" : "");
      REQUIRE(bytes < 22);
    }
  }
}

}  // namespace tiercel::test
