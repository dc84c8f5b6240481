#include "index.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "index_items.h"
#include "memory.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Hashes as they should be, and as whoever wishes the index ill would have them.
const std::vector<std::pair<std::string, uint32_t (*)(Random&)>> kHashes = {
    {"random", [](Random& random) { return static_cast<uint32_t>(random.Next()); }},
    {"all the same", [](Random&) { return 0xdeadbeef; }},
    {"of one tag", [](Random& random) { return static_cast<uint32_t>(random.Next()) << 7; }},
    {"of one group", [](Random& random) { return 0xffffff80 | random.Below(128); }},
    {"of two groups", [](Random& random) { return random.Below(2) << 31 | random.Below(1000); }},
    {"0 or the highest", [](Random& random) { return random.Below(2) == 0 ? 0 : 0xffffffff; }},
};

}  // namespace

TEST_CASE("an empty index finds nothing") {
  const Index index;
  REQUIRE(index.Find(7, [](uint32_t) { return true; }) == kNone);
  REQUIRE(index.size() == 0);
  REQUIRE(index.bytes() == 0);
  index.Prefetch(7);
}

TEST_CASE("an index has what was inserted and not erased, once") {
  for (const auto& [kind, hash] : kHashes) {
    INFO("hashes " << kind);
    const int rounds = kind == "random" || kind == "of one tag" ? 20000 : 3000;
    Random random(2);
    IndexItems items;
    for (int i = 0; i < rounds; i++) {
      // Grows and shrinks by turns.
      const uint32_t kept = i / (rounds / 5) % 2 == 0 ? 3 : 1;
      if (items.there().empty() || random.Below(4) < kept) {
        items.Add(hash(random));
      } else {
        items.RemoveAt(random.Below(static_cast<uint32_t>(items.there().size())));
      }
      if (i % (rounds / 20) == 0) items.RequireAllFound();
      if (i == rounds / 2) items.index().Bound(100);
    }
    items.RequireAllFound();
    while (!items.there().empty()) items.RemoveAt(0);
    items.RequireAllFound();
  }
}

TEST_CASE("a lookup asks only about items of the hash's tag") {
  IndexItems items;
  Random random(3);
  for (int i = 0; i < 5000; i++) items.Add(static_cast<uint32_t>(random.Next()) | 1);
  int asked = 0;
  items.index().Find(0x1234 & ~1U, [&](uint32_t) { return ++asked != 0; });
  REQUIRE(asked == 0);
}

TEST_CASE("an index like another has places for all that it has, while that moves as well") {
  for (const uint32_t added : {0, 1, 9, 10, 577, 600, 5000, 10370, 10400, 20000}) {
    Random random(4);
    std::vector<uint32_t> hashes;
    Index index;
    for (uint32_t i = 0; i < added; i++) {
      hashes.push_back(static_cast<uint32_t>(random.Next()));
      REQUIRE(index.Reserve([&](uint32_t n) { return hashes[n]; }));
      index.Insert(hashes[i], i);
    }
    // As if under another seed.
    Index other;
    REQUIRE(other.BuildLike(index));
    REQUIRE(other.size() == 0);
    for (uint32_t i = 0; i < added; i++) other.Insert(~hashes[i], i);
    index.Swap(other);
    for (uint32_t i = 0; i < added; i++) {
      const auto is_it = [&](uint32_t n) { return n == i; };
      REQUIRE(index.Find(~hashes[i], is_it) == i);
      REQUIRE(other.Find(hashes[i], is_it) == i);
    }
    REQUIRE(index.size() == added);
  }
}

TEST_CASE("an index like another forgets what it had") {
  IndexItems items;
  for (uint32_t i = 0; i < 1000; i++) items.Add(i << 22);
  IndexItems others;
  while (others.added() < 1000 || !others.index().IsMoving()) others.Add(others.added() * 0x9e3779b1);
  REQUIRE(others.index().BuildLike(items.index()));
  for (uint32_t i = 0; i < others.added(); i++) {
    REQUIRE(others.index().Find(i * 0x9e3779b1, [](uint32_t) { return true; }) == kNone);
  }
  REQUIRE(others.index().size() == 0);
  REQUIRE_FALSE(others.index().IsMoving());
  REQUIRE(others.index().bytes() == items.index().bytes());
}

}  // namespace tiercel::test
