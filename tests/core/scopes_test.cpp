#include "scopes.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr uint64_t kNoLoad = UINT64_MAX;

tiercel::Text View(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size()), false};
}

// Scopes with entries in them, as a cache would have, and the sequence that it would count.
struct Fixture {
  Fixture() { REQUIRE(scopes.Init()); }

  uint32_t Add(Scope::Kind kind, const std::string& name, uint32_t parent = Scopes::kRoot) {
    const uint32_t scope = scopes.FindOrAdd(parent, kind, View(name), oldest_load);
    REQUIRE(scope != kNone);
    return scope;
  }

  uint32_t Namespace(const std::string& name, uint32_t parent = Scopes::kRoot) {
    return Add(Scope::Kind::kNamespace, name, parent);
  }

  uint32_t Enter(uint32_t ns, const std::vector<std::string>& tags = {}) {
    REQUIRE(entries.Reserve());
    const uint32_t slot = entries.Take();
    entries[slot].SetKey(ns, View("key"), nullptr);
    entries[slot].SetSequence(++sequence);
    Names names;
    for (const std::string& tag : tags) {
      names.inherited[names.count] = false;
      names.scopes[names.count] = Add(Scope::Kind::kTag, tag, ns);
      scopes.Hold(names.scopes[names.count++]);
    }
    REQUIRE(entries.ReserveLinks(slot));
    entries[slot].extra = 1;
    REQUIRE(scopes.ReserveLinks(scopes.LinksFor(ns, names.count)));
    scopes.Attach(slot, ns, names);
    scopes.Release(names, oldest_load);
    return slot;
  }

  void Leave(uint32_t slot) {
    scopes.Detach(slot, oldest_load);
    entries.Give(slot);
  }

  bool IsDead(uint32_t slot) const { return scopes.IsDead(slot); }
  bool DiedByTag(uint32_t slot) const {
    uint32_t link = kNone;
    return scopes.DiedBy(slot, &link) && link != kNone &&
           scopes[scopes.link(link).scope].kind == Scope::Kind::kTag;
  }
  void Stamp(uint32_t scope) { scopes.Stamp(scope, ++sequence); }

  Entries entries{true};
  HandleTable handles;
  Scopes scopes{&entries, &handles, nullptr};
  uint64_t sequence = 0;
  uint64_t oldest_load = kNoLoad;
};

}  // namespace

TEST_CASE("a scope is found by parent, kind and name") {
  Fixture f;
  const uint32_t ns = f.Namespace("name");
  const uint32_t below = f.Namespace("name", ns);
  REQUIRE(ns != below);
  REQUIRE(f.Namespace("name") == ns);
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("name")) == kNone);
  REQUIRE(f.scopes.Find(ns, Scope::Kind::kNamespace, View("name")) == below);
  REQUIRE(f.scopes.Find(below, Scope::Kind::kNamespace, View("name")) == kNone);
  REQUIRE(f.scopes[below].depth == 2);
}

TEST_CASE("a stamp kills what is older in the scope, and nothing else") {
  Fixture f;
  const uint32_t ns = f.Namespace("n");
  const uint32_t below = f.Namespace("below", ns);
  const uint32_t in_root = f.Enter(Scopes::kRoot, {"tag"});
  const uint32_t in_ns = f.Enter(ns, {"tag"});
  const uint32_t in_below = f.Enter(below);
  f.Stamp(ns);
  const uint32_t later = f.Enter(ns);
  REQUIRE_FALSE(f.IsDead(in_root));
  REQUIRE(f.IsDead(in_ns));
  REQUIRE(f.IsDead(in_below));
  REQUIRE_FALSE(f.IsDead(later));
  REQUIRE_FALSE(f.DiedByTag(in_ns));

  f.Stamp(f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("tag")));
  REQUIRE(f.IsDead(in_root));
  REQUIRE(f.DiedByTag(in_root));
  REQUIRE_FALSE(f.IsDead(later));
  f.Stamp(Scopes::kRoot);
  REQUIRE(f.IsDead(later));
}

TEST_CASE("the dead can be found until each has left") {
  Fixture f;
  const uint32_t ns = f.Namespace("n");
  std::set<uint32_t> dead;
  for (int i = 0; i < 10; i++) dead.insert(f.Enter(ns, {"one", "two"}));
  const uint32_t alive = f.Enter(Scopes::kRoot, {"one"});
  f.Stamp(f.scopes.Find(ns, Scope::Kind::kTag, View("one")));
  f.Stamp(ns);
  while (f.scopes.DeadSlot() != kNone) {
    const uint32_t slot = f.scopes.DeadSlot();
    REQUIRE(dead.erase(slot) == 1);
    f.Leave(slot);
  }
  REQUIRE(dead.empty());
  REQUIRE(f.scopes.dead() == 0);
  REQUIRE_FALSE(f.IsDead(alive));
}

TEST_CASE("a tag goes with its last entry unless a load in flight may have it") {
  Fixture f;
  const uint32_t slot = f.Enter(Scopes::kRoot, {"tag"});
  REQUIRE(f.scopes.size() == 2);
  f.Leave(slot);
  REQUIRE(f.scopes.size() == 1);

  const uint32_t again = f.Enter(Scopes::kRoot, {"tag"});
  f.oldest_load = ++f.sequence;
  f.Stamp(f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("tag")));
  f.Leave(again);
  const uint32_t kept = f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("tag"));
  REQUIRE(kept != kNone);
  REQUIRE(f.scopes[kept].stamp > f.oldest_load);
  f.scopes.LoadEnded(kNoLoad);
  REQUIRE(f.scopes.size() == 1);
}

TEST_CASE("the floor rises only as far as what was forgotten") {
  Fixture f;
  f.oldest_load = ++f.sequence;
  for (int i = 0; i < 4096; i++) {
    const uint32_t tag = f.Add(Scope::Kind::kTag, std::to_string(i));
    f.scopes.Hold(tag);
    f.Stamp(tag);
    f.scopes.Release(tag, f.oldest_load);
  }
  REQUIRE(f.scopes.floor() == 0);
  const uint64_t first = f.scopes[f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("0"))].stamp;
  const uint32_t tag = f.Add(Scope::Kind::kTag, "one more");
  f.scopes.Hold(tag);
  f.Stamp(tag);
  f.scopes.Release(tag, f.oldest_load);
  REQUIRE(f.scopes.floor() == first);
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("0")) == kNone);
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kTag, View("1")) != kNone);
  REQUIRE(f.scopes.size() == 4097);
}

TEST_CASE("a scope in use is not forgotten") {
  Fixture f;
  const uint32_t held = f.Namespace("held");
  f.scopes.Hold(held);
  const uint32_t with_entry = f.Namespace("with an entry");
  f.Enter(with_entry);
  for (int i = 0; i < 10000; i++) f.Namespace(std::to_string(i));
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kNamespace, View("held")) == held);
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kNamespace, View("with an entry")) == with_entry);
  REQUIRE(f.scopes.Find(Scopes::kRoot, Scope::Kind::kNamespace, View("0")) == kNone);
  REQUIRE(f.handles.Find(f.scopes[held].handle, HandleTable::Kind::kNamespace) != nullptr);
}

TEST_CASE("a scope without memory is not made") {
  Fixture f;
  const std::string long_name(100, 'n');
  const uint32_t before = f.scopes.size();
  for (const auto kind : {Scope::Kind::kNamespace, Scope::Kind::kTag}) {
    Faults().fail_after = 0;
    const uint32_t scope = f.scopes.FindOrAdd(Scopes::kRoot, kind, View(long_name), kNoLoad);
    Faults().fail_after = -1;
    REQUIRE(scope == kNone);
    REQUIRE(f.scopes.size() == before);
    REQUIRE(f.scopes.Find(Scopes::kRoot, kind, View(long_name)) == kNone);
  }
}

TEST_CASE("entries are dead as a plain record of all invalidations says") {
  Fixture f;
  Random random(1);
  const uint32_t spaces[] = {Scopes::kRoot, f.Namespace("a"), f.Namespace("b", f.Namespace("a")),
                             f.Namespace("c")};
  for (const uint32_t ns : spaces) f.scopes.Hold(ns);
  const auto is_within = [&](uint32_t ns, uint32_t above) {
    for (; ns != kNone; ns = f.scopes[ns].parent) {
      if (ns == above) return true;
    }
    return false;
  };
  struct Record {
    uint32_t ns = 0;
    std::set<std::string> tags;
    bool dead = false;
  };
  std::map<uint32_t, Record> records;
  for (int i = 0; i < 20000; i++) {
    const uint32_t ns = spaces[random.Below(4)];
    const std::string tag(1, static_cast<char>('r' + random.Below(4)));
    switch (random.Below(8)) {
      case 0:
        f.Stamp(ns);
        for (auto& [slot, record] : records) record.dead |= is_within(record.ns, ns);
        break;
      case 1: {
        const uint32_t scope = f.scopes.Find(ns, Scope::Kind::kTag, View(tag));
        if (scope == kNone) break;
        f.Stamp(scope);
        for (auto& [slot, record] : records) record.dead |= record.ns == ns && record.tags.count(tag) != 0;
        break;
      }
      case 2:
      case 3:
        if (!records.empty()) {
          const auto at = std::next(records.begin(), random.Below(static_cast<uint32_t>(records.size())));
          f.Leave(at->first);
          records.erase(at);
        }
        break;
      default: {
        Record record = {ns, {}, false};
        if (random.Below(2) == 0) record.tags.insert(tag);
        if (random.Below(2) == 0) record.tags.insert("r");
        records[f.Enter(ns, {record.tags.begin(), record.tags.end()})] = record;
      }
    }
    for (const auto& [slot, record] : records) {
      if (f.IsDead(slot) != record.dead) FAIL("step " << i << ", slot " << slot);
    }
  }
  SUCCEED();
}

}  // namespace tiercel::test
