// A shared cache by one thread, or two that take turns: what its shards have to agree on.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "thread.h"

namespace tiercel::test {
namespace {

constexpr uint32_t kShards = 8;

// Keys of a dependency, each on another shard than the one before.
std::vector<std::string> OnDifferentShards(const SharedCache& cache, size_t count) {
  std::vector<std::string> keys;
  std::set<uint32_t> shards;
  for (int i = 0; keys.size() < count; i++) {
    const std::string key = "k" + std::to_string(i);
    if (shards.insert(cache.ShardOf(cache.Hash(0, NameOf(Text(key))))).second) keys.push_back(key);
  }
  return keys;
}

}  // namespace

TEST_CASE("what one thread stores, another reads") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  Client b(cache.get());
  for (int i = 0; i < 500; i++) a.Set(std::to_string(i), {.value = "v" + std::to_string(i)});
  for (int i = 0; i < 500; i++) REQUIRE(b.Get(std::to_string(i)) == "v" + std::to_string(i));
  REQUIRE(b->Size(1) == 500);
  REQUIRE(b.Delete("7") == 1);
  REQUIRE_FALSE(a.Get("7").has_value());
  REQUIRE(a.Set(u"\u4e00", {.value = "wide"}) >= 0);
  REQUIRE(b.Get(u"\u4e00") == "wide");
}

TEST_CASE("a value larger than the buffer is kept until there is room") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  const std::string large(100'000, 'x');
  a.Set("k", {.value = large});
  Client b(cache.get());
  REQUIRE(b->Get(1, NameOf(Text("k")), 0, 0) >= 0);
  REQUIRE(b.Register(TIERCEL_R_VALUE) == -1);
  a.Set("k", {.value = "another"});
  REQUIRE(b.Value() == large);
}

TEST_CASE("tags, prefixes, patterns, namespaces and clear reach all shards") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  Client b(cache.get());
  const double ns = a.Namespace("n");
  const double same = b.Namespace("n");
  const auto fill = [&] {
    for (int i = 0; i < 100; i++) {
      a.Set("p:" + std::to_string(i), {.tags = {"t"}});
      a.Set("q:" + std::to_string(i), {.tags = {"t"}}, ns);
    }
  };
  const auto count = [&](const char* prefix, double in) {
    int found = 0;
    for (int i = 0; i < 100; i++) found += b.Get(prefix + std::to_string(i), in).has_value() ? 1 : 0;
    return found;
  };
  fill();
  REQUIRE(b->Size(same) == 100);
  REQUIRE(b.InvalidateTags({"t"}) == 100);
  REQUIRE(count("p:", 1) == 0);
  REQUIRE(count("q:", same) == 100);
  fill();
  REQUIRE(b->InvalidatePrefix(same, NameOf(Text("q:")), 0) == 100);
  REQUIRE(count("q:", same) == 0);
  REQUIRE(b->InvalidatePattern(1, NameOf(Text("p:?")), 0) == 10);
  REQUIRE(count("p:", 1) == 90);
  fill();
  REQUIRE(b->Clear(same, 0) == 100);
  REQUIRE(count("p:", 1) == 100);
  REQUIRE(b->Clear(1, 0) == 100);
  REQUIRE(b->Size(1) == 0);
}

TEST_CASE("a chain of dependencies over shards falls as a whole, by whatever its first is invalidated") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  const auto keys = OnDifferentShards(*cache, 6);
  const auto build = [&] {
    a.Set(keys[0], {.tags = {"t"}});
    for (size_t i = 1; i < keys.size(); i++) a.Set(keys[i], {.depends_on = {keys[i - 1]}});
    for (const auto& key : keys) REQUIRE(a.Get(key).has_value());
  };
  const auto left = [&] {
    return std::count_if(keys.begin() + 1, keys.end(),
                         [&](const auto& key) { return a.Get(key).has_value(); });
  };
  build();
  a.Set(keys[0]);
  REQUIRE(left() == 0);
  build();
  REQUIRE(a.Delete(keys[0]) == 1 + 2 * 5);
  REQUIRE(left() == 0);
  build();
  REQUIRE(a.InvalidateTags({"t"}) == 6);
  REQUIRE(left() == 0);
  build();
  REQUIRE(a->InvalidatePrefix(1, NameOf(Text(keys[0])), 0) >= 6);
  REQUIRE(left() == 0);
  build();
  a.AddTags(keys[0], {"new"});
  REQUIRE(left() == 0);
  build();
  // One that is stored again takes what depends on it, and nothing that it depends on itself.
  a.Set(keys[3], {.depends_on = {keys[2]}});
  REQUIRE(left() == 3);
  build();
  const double load = a.LoadBegin(keys[0]);
  REQUIRE(a.LoadCommit(load) >= 0);
  REQUIRE(left() == 0);
}

TEST_CASE("an entry that depends on itself, or in a circle, is as in a cache of one shard") {
  for (const uint32_t shards : {uint32_t{1}, kShards}) {
    const auto cache = OpenCache(shards);
    Client a(cache.get());
    const std::vector<std::string> keys = {"k0", "k1", "k2", "k3"};
    a.Set(keys[0], {.depends_on = {keys[0]}});
    REQUIRE(a.Get(keys[0]).has_value());
    for (size_t i = 0; i < keys.size(); i++) a.Set(keys[i], {.depends_on = {keys[(i + 1) % keys.size()]}});
    // The entry set last kills the one that depends on it, and so on round.
    REQUIRE(a.Get(keys[3]).has_value());
    REQUIRE_FALSE(a.Get(keys[2]).has_value());
  }
}

TEST_CASE("a load is overtaken by what happens to what it depends on, on any shard") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  Client b(cache.get());
  const auto keys = OnDifferentShards(*cache, 3);
  const auto begin = [&] {
    const double load = a.LoadBegin(keys[1]);
    REQUIRE(a.LoadTags(load, {}, {keys[0]}) == kOk);
    return load;
  };
  const Stored dependent = {.depends_on = {keys[0]}};
  double load = begin();
  b.Set(keys[0]);
  REQUIRE(a.LoadCommit(load, dependent) == kOvertaken);
  load = begin();
  b.Delete(keys[0]);
  REQUIRE(a.LoadCommit(load, dependent) == kOvertaken);
  b.Set(keys[0], {.tags = {"t"}});
  load = begin();
  b.InvalidateTags({"t"});
  REQUIRE(a.LoadCommit(load, dependent) == kOvertaken);
  load = begin();
  b->InvalidatePrefix(1, NameOf(Text(keys[0])), 0);
  REQUIRE(a.LoadCommit(load, dependent) == kOvertaken);
  load = begin();
  b.Set(keys[2]);
  REQUIRE(a.LoadCommit(load, dependent) >= 0);
  load = a.LoadBegin(keys[1]);
  b->Clear(1, 0);
  REQUIRE(a.LoadCommit(load) == kOvertaken);
}

TEST_CASE("a load is overtaken by what happened before it was known to depend on it") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  Client b(cache.get());
  const auto keys = OnDifferentShards(*cache, 4);
  const Stored dependent = {.depends_on = {keys[0]}};
  const auto overtaken = [&](auto change) {
    // Another key each time, that nothing depends on from there.
    b->Clear(1, 0);
    b.Set(keys[0], {.tags = {"t"}});
    const double noted = a.LoadBegin(keys[1]);
    const double committed = a.LoadBegin(keys[2]);
    const double other = a.LoadBegin(keys[3]);
    change();
    REQUIRE(a.LoadTags(noted, {}, {keys[0]}) == kOk);
    // Nobody may join it.
    REQUIRE(b.LoadBegin(keys[1]) != noted);
    REQUIRE_FALSE(b.joined());
    REQUIRE(a.LoadCommit(other) >= 0);
    return a.LoadCommit(noted, dependent) == kOvertaken && a.LoadCommit(committed, dependent) == kOvertaken;
  };
  REQUIRE(overtaken([&] { b.Set(keys[0]); }));
  REQUIRE(overtaken([&] { b.Delete(keys[0]); }));
  REQUIRE(overtaken([&] { b.AddTags(keys[0], {"u"}); }));
  REQUIRE(overtaken([&] { b.InvalidateTags({"t"}); }));
  REQUIRE(overtaken([&] { b->InvalidatePrefix(1, NameOf(Text(keys[0])), 0); }));
  REQUIRE(overtaken([&] {
    b.InvalidateTags({"t"});
    b.Set(keys[0]);
  }));
  // It is the load that is overtaken, and no other that began after the change.
  b->Clear(1, 0);
  const double before = a.LoadBegin(keys[1]);
  b.Set(keys[0]);
  REQUIRE(a.LoadTags(before, {}, {keys[0]}) == kOk);
  const double after = a.LoadBegin(keys[1]);
  REQUIRE(after != before);
  REQUIRE(a.LoadCommit(before, dependent) == kOvertaken);
  REQUIRE(a.LoadCommit(after, dependent) >= 0);
  // What did not change overtakes nothing.
  b->Clear(1, 0);
  b.Set(keys[0], {.tags = {"t"}});
  const double load = a.LoadBegin(keys[1]);
  b.Set(keys[3]);
  REQUIRE(a.LoadTags(load, {}, {keys[0]}) == kOk);
  REQUIRE(a.LoadCommit(load, dependent) >= 0);
}

TEST_CASE("a thread that joins a load of another is told what it came to") {
  const auto cache = OpenCache(kShards);
  Client owner(cache.get());
  Client waiter(cache.get());
  const auto join = [&] {
    const double load = owner.LoadBegin("k");
    REQUIRE_FALSE(owner.joined());
    REQUIRE(waiter.LoadBegin("k") == load);
    REQUIRE(waiter.joined());
    REQUIRE(waiter->TakeOutcome() == 0);
    return load;
  };
  const auto told = [&](Outcome::Kind kind, const std::string& value, bool overtaken) {
    const int wakes = waiter.wakes();
    REQUIRE(wakes > 0);
    REQUIRE(waiter->TakeOutcome() == 1);
    REQUIRE(waiter.Register(node::kROutcome) == static_cast<double>(kind));
    REQUIRE(waiter.Register(node::kROvertaken) == (overtaken ? 1 : 0));
    REQUIRE(waiter.Value() == value);
    REQUIRE(waiter->TakeOutcome() == 0);
  };
  REQUIRE(owner.LoadCommit(join(), {.value = "stored"}) >= 0);
  told(Outcome::Kind::kValue, "stored", false);
  owner.LoadCommit(join(), {.value = "skipped"}, Commit::kOnlyTell);
  told(Outcome::Kind::kValue, "skipped", false);
  owner.LoadCommit(join(), {}, Commit::kNothing);
  told(Outcome::Kind::kNothing, "", false);
  double load = join();
  waiter.Delete("k");
  owner.LoadCommit(load, {.value = "old"});
  told(Outcome::Kind::kValue, "old", true);
  owner->LoadEnd(join(), Outcome::Kind::kFailed, "why", 0);
  told(Outcome::Kind::kFailed, "why", false);
  REQUIRE(owner->LoadEnd(load, Outcome::Kind::kGone, {}, 0) == kBadHandle);
  // One that gave up waiting ends the load itself.
  load = join();
  REQUIRE(waiter.LoadCommit(load, {.value = "own"}) >= 0);
  REQUIRE(waiter->TakeOutcome() == 0);
  REQUIRE(owner.LoadCommit(load) == kBadHandle);
  REQUIRE(owner.Get("k") == "own");
  // One that goes hands over.
  load = join();
  owner.Close();
  told(Outcome::Kind::kGone, "", false);
  REQUIRE(waiter.LoadBegin("k") != load);
  REQUIRE_FALSE(waiter.joined());
}

TEST_CASE("an iteration meets every entry of all shards once, though others come and go") {
  const auto cache = OpenCache(kShards, R"("maxEntries":100000)");
  Client a(cache.get());
  for (int i = 0; i < 1000; i++) a.Set(std::to_string(i));
  const double iteration = a->Iterate(0);
  std::multiset<std::string> met;
  int step = 0;
  for (double place = -1; (place = a->Next(1, place, iteration, 0)) >= 0; step++) {
    met.insert(a.Key());
    a.Set("new" + std::to_string(step));
    a.Delete(std::to_string(step % 1000 / 2 + 500));
  }
  REQUIRE(std::set<std::string>(met.begin(), met.end()).size() == met.size());
  for (int i = 0; i < 500; i++) REQUIRE(met.count(std::to_string(i)) == 1);
  REQUIRE(met.count("new0") == 0);
}

TEST_CASE("events go to whoever listens, each removal once") {
  const auto cache = OpenCache(kShards);
  Client actor(cache.get());
  Client listener(cache.get());
  listener->Watch(node::kRemovals | node::kSets | node::kHits | node::kMisses | node::kClears);
  const double ns = actor.Namespace("n");
  const double seen = listener.Namespace("n");
  actor.Set("k", {.value = "1"});
  actor.Set("k", {.value = "2"}, ns);
  actor.Get("k");
  actor.Get("absent");
  actor.Set("k", {.value = "3"});
  actor.Delete("k", ns);
  actor->Clear(1, 0);
  listener->Size(1);
  std::vector<std::string> events;
  const auto count = static_cast<uint32_t>(listener.Register(TIERCEL_R_REMOVALS));
  for (uint32_t i = 0; i < count; i++) {
    REQUIRE(listener->Removal(i) == 0);
    const bool in_namespace = listener.Register(TIERCEL_R_NAMESPACE) == seen;
    events.push_back(std::to_string(static_cast<int>(listener.Register(node::kREvent))) +
                     (in_namespace ? "n" : "") + listener.Key() + "=" + listener.Value());
  }
  REQUIRE(events == std::vector<std::string>{"4k=1", "4nk=2", "1k=", "2absent=", "16k=1", "4k=3", "16nk=2",
                                             "16k=3", "8="});
  listener->RemovalsClear();
  listener->Size(1);
  REQUIRE(listener.Register(TIERCEL_R_REMOVALS) == 0);
  // One's own removals are there at once, and nobody is woken for them.
  const int wakes = listener.wakes();
  listener.Set("own");
  listener.Delete("own");
  REQUIRE(listener.Register(TIERCEL_R_REMOVALS) == 1);
  REQUIRE(listener.wakes() == wakes);
}

TEST_CASE("events for one that does not take them are counted, and take no more memory") {
  const auto cache = OpenCache(1);
  Client actor(cache.get());
  Client listener(cache.get());
  listener->Watch(node::kSets);
  for (int i = 0; i < 70'000; i++) actor.Set("k");
  REQUIRE(actor->Stats(false) == kOk);
  REQUIRE(actor->message().find(R"("lostEvents":4464})") != std::string::npos);
}

TEST_CASE("the bounds of the shards are those of the cache, also after they were changed") {
  const auto cache = OpenCache(4, R"("maxEntries":250)");
  Client a(cache.get());
  const auto fill = [&] {
    for (int i = 0; i < 5000; i++) a.Set(std::to_string(i));
    return a->Size(1);
  };
  REQUIRE(fill() == 1000);
  REQUIRE(a->Resize(102, -1) == kOk);
  REQUIRE(fill() == 102);
  REQUIRE(a->Resize(3, -1) == kBadOption);
  REQUIRE(a->message().find("at least 4") != std::string::npos);
}

TEST_CASE("what is restored depends on what it depended on, on any shard") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  const auto keys = OnDifferentShards(*cache, 2);
  a.Set(keys[0], {.tags = {"t"}});
  a.Set(keys[1], {.depends_on = {keys[0]}});
  std::string snapshot;
  REQUIRE(a->Snapshot(0, 0, &snapshot) == kOk);

  const auto other = OpenCache(4);
  Client b(other.get());
  REQUIRE(b->Restore(snapshot, 0, 0) == 2);
  b.Set(keys[0]);
  REQUIRE_FALSE(b.Get(keys[1]).has_value());

  // What it depends on is there, with a tag that the snapshot knows nothing of.
  const auto third = OpenCache(4);
  Client c(third.get());
  c.Set(keys[0], {.tags = {"u"}});
  REQUIRE(c->Restore(snapshot, 0, 0) == 0);
  REQUIRE_FALSE(c.Get(keys[1]).has_value());
  REQUIRE(a->Restore("no snapshot", 0, 0) == kBadArgument);
}

TEST_CASE("an invalidation yet to come is kept, whoever is still there") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  Client b(cache.get());
  a.Set("k", {}, a.Namespace("n"));
  a->Schedule(a.Namespace("n"), NameOf(Text("k")), 100, 0);
  REQUIRE(a.Register(TIERCEL_R_NEXT_DUE) == 100);
  a.Close();
  REQUIRE(b.Get("k", b.Namespace("n"), 99).has_value());
  REQUIRE_FALSE(b.Get("k", b.Namespace("n"), 100).has_value());
}

TEST_CASE("a namespace that nothing was in for long is found again") {
  const auto cache = OpenCache(kShards);
  Client a(cache.get());
  const double ns = a.Namespace("n");
  a.Set("k", {}, ns);
  a.Delete("k", ns);
  for (int i = 0; i < 20'000; i++) REQUIRE(a.Namespace(std::to_string(i)) > 0);
  // The number is gone, as the handle of the core's own would be.
  REQUIRE(a.Set("k", {}, ns) == kBadHandle);
  REQUIRE(a.Set("k", {}, a.Namespace("n")) >= 0);
}

}  // namespace tiercel::test
