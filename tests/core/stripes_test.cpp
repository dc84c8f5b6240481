// Caches that are the stripes of one: what the binding that has their locks asks of each.
#include <array>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr uint8_t kSeed[TIERCEL_SEED_BYTES] = {1, 2, 3};
constexpr uint32_t kStripes = 4;

std::string Options(uint32_t stripe, uint32_t stripes = kStripes) {
  return R"({"values":"bytes","stripes":)" + std::to_string(stripes) + R"(,"stripe":)" +
         std::to_string(stripe) + "}";
}

uint32_t Hash(const Text& text, uint32_t parent = 0, const uint8_t* seed = kSeed) {
  return tiercel_stripe(seed, parent, text.data(), text.size(), text.encoding);
}

uint32_t StripeOf(const Text& key, uint32_t parent = 0, const uint8_t* seed = kSeed) {
  return Hash(key, parent, seed) / (uint32_t{1} << 30);
}

std::string Names(Engine& engine, double ns, const Text& key, double since = -1) {
  const int32_t count = tiercel_names(engine.raw(), ns, key.data(), key.size(), key.encoding, since);
  return count < 0 ? std::to_string(count) : engine.Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
}

std::string Inherited(std::string packed) {
  for (size_t at = 0; at < packed.size();) {
    uint32_t head = 0;
    std::memcpy(&head, packed.data() + at, sizeof(head));
    const size_t next = at + 4 + (((head & 0x7fffffff) / 4 + 3) & ~3U);
    packed[at + 3] = static_cast<char>(packed[at + 3] | '\x80');
    at = next;
  }
  return packed;
}

double Changed(Engine& engine, double ns, const Text& key) {
  return tiercel_changed(engine.raw(), ns, key.data(), key.size(), key.encoding, 1);
}

int32_t SetWithNames(Engine& engine, double ns, const Text& key, const std::string& names) {
  return tiercel_set(engine.raw(), ns, key.data(), key.size(), key.encoding, nullptr, 0, 0, 0, 0, 0,
                     reinterpret_cast<const uint8_t*>(names.data()), static_cast<uint32_t>(names.size()), 0,
                     1);
}

std::string Snapshot(Engine& engine, double ns) {
  REQUIRE(engine.SnapshotBegin(ns, 0, 1) == TIERCEL_OK);
  for (int32_t slot = -1; (slot = engine.SnapshotNext(ns, slot, 1)) >= 0;) {
  }
  return engine.SnapshotEnd(ns);
}

int Restore(Engine& engine, double ns, const std::string& snapshot) {
  REQUIRE(engine.RestoreBegin(ns, snapshot, 0, 1) == TIERCEL_OK);
  int count = 0;
  while (engine.RestoreNext(ns, 1) >= 0) count++;
  return count;
}

// All stripes of a cache, with keys where they belong.
struct Striped {
  std::array<Engine, kStripes> engines;
  std::array<double, kStripes> roots = {};

  explicit Striped(const uint8_t* seed = kSeed) {
    for (uint32_t i = 0; i < kStripes; i++) {
      roots[i] = engines[i].Open(Options(i));
      REQUIRE(engines[i].Seed(roots[i], seed) == TIERCEL_OK);
    }
  }
  void Fill(const uint8_t* seed = kSeed) {
    for (uint32_t i = 0; i < 400; i++) {
      const Text key = std::to_string(i);
      const uint32_t at = StripeOf(key, 0, seed);
      REQUIRE(engines[at].Set(roots[at], key, {.value = key.bytes}, 1) >= 0);
      const uint32_t in = StripeOf(key, Hash("n", 0, seed), seed);
      const double ns = engines[in].Namespace(roots[in], "n");
      REQUIRE(engines[in].Set(ns, key, {.value = "n" + key.bytes}, 1) >= 0);
    }
  }
  std::string Taken() {
    std::string all;
    for (uint32_t i = 0; i < kStripes; i++) all += Snapshot(engines[i], roots[i]);
    return all;
  }
  int Restored(const std::string& snapshot) {
    int count = 0;
    for (uint32_t i = 0; i < kStripes; i++) count += Restore(engines[i], roots[i], snapshot);
    return count;
  }
};

}  // namespace

TEST_CASE("a string has the same stripe however it is passed, and different strings have different hashes") {
  Random random(1);
  std::set<uint32_t> hashes;
  std::set<std::u16string> strings;
  for (uint32_t i = 0; i < 2000; i++) {
    std::u16string units;
    for (uint32_t n = random.Below(20); n > 0; n--) units.push_back(static_cast<char16_t>(random.Below(256)));
    const Text wide{std::u16string_view(units)};
    REQUIRE(Hash(wide) == Hash(wide.canonical()));
    strings.insert(units);
    hashes.insert(Hash(wide));
  }
  // 2000 of 2^32: a pair that collides is found in one run of two thousand.
  REQUIRE(hashes.size() == strings.size());
  REQUIRE(Hash("a") != Hash("a", Hash("n")));
  constexpr uint8_t kOther[TIERCEL_SEED_BYTES] = {1, 2, 4};
  REQUIRE(Hash("a") != Hash("a", 0, kOther));
  REQUIRE(tiercel_stripe(nullptr, 0, nullptr, 0, TIERCEL_LATIN1) == 0);
}

TEST_CASE("keys are spread evenly over stripes") {
  std::array<int, kStripes> counts = {};
  for (int i = 0; i < 10000; i++) counts[StripeOf("key:" + std::to_string(i))]++;
  for (const int count : counts) REQUIRE(std::abs(count - 2500) < 250);
}

TEST_CASE("stripes that make no sense are refused") {
  Engine engine;
  for (const auto* options : {R"({"stripes":3})", R"({"stripes":0})", R"({"stripes":512})",
                              R"({"stripes":4,"stripe":4})", R"({"stripe":1})"}) {
    REQUIRE(engine.Open(options) == kBadOption);
  }
  REQUIRE(engine.Open(R"({"stripes":256,"stripe":255})") > 0);
}

TEST_CASE("the names of an entry, passed on, tie it to what another stripe's entry is tied to") {
  Engine here;
  Engine there;
  const double a = here.Open(Options(0));
  const double b = there.Open(Options(1));
  here.Set(a, "root", {.tags = {"t"}}, 1);
  here.Set(a, "middle", {.tags = {"m"}, .depends_on = {"root"}}, 1);
  const std::string names = Names(here, a, "middle");
  REQUIRE(names.size() == (Pack({"m", "root", "t"})).size());
  const auto store = [&](const Text& key) {
    REQUIRE(SetWithNames(there, b, key, Pack({"middle"}, 1) + Inherited(names)) >= 0);
  };

  store("leaf");
  REQUIRE(there.Tags(b, there.Get(b, "leaf", 1)).empty());  // It has none of its own.
  REQUIRE(there.Invalidate(b, {"t"}, 1) == 1);
  REQUIRE(there.Get(b, "leaf", 1) == TIERCEL_MISS);
  store("leaf");
  REQUIRE(there.Invalidate(b, {"m"}, 1) == 1);
  for (const auto* key : {"middle", "root"}) {
    store("leaf");
    REQUIRE(Changed(there, b, key) == 1);
    REQUIRE(there.Get(b, "leaf", 1) == TIERCEL_MISS);
  }
  store("leaf");
  REQUIRE(there.InvalidatePrefix(b, "roo", 1) == 1);
  REQUIRE(there.Get(b, "leaf", 1) == TIERCEL_MISS);

  here.Invalidate(a, {"t"}, 1);
  REQUIRE(Names(here, a, "middle") == std::to_string(TIERCEL_MISS));
  REQUIRE(Names(here, a, "absent") == std::to_string(TIERCEL_MISS));
}

TEST_CASE("a key that changes on another stripe overtakes loads that depend on it") {
  Engine engine;
  const double cache = engine.Open(Options(0));
  const double noted = engine.LoadBegin(cache, "noted");
  engine.LoadTags(noted, {}, {"k"});
  const double late = engine.LoadBegin(cache, "late");
  const double other = engine.LoadBegin(cache, "other");
  const double told = engine.LoadBegin(cache, "told");
  REQUIRE(Changed(engine, cache, "k") == 0);
  REQUIRE(engine.LoadCommit(noted, {}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.LoadCommit(late, {.depends_on = {"k"}}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(engine.LoadCommit(other, {.depends_on = {"j"}}, 1) >= 0);
  // Whatever the binding knows, and the engine does not.
  REQUIRE(tiercel_load_overtake(engine.raw(), told) == TIERCEL_OK);
  REQUIRE(engine.LoadBegin(cache, "told") != told);
  REQUIRE(engine.LoadCommit(told, {}, 1) == TIERCEL_OVERTAKEN);
}

TEST_CASE("a stripe tells whether a key changed since a load of another stripe began") {
  Engine engine;
  const double cache = engine.Open(Options(0));
  const std::string overtaken = std::to_string(TIERCEL_OVERTAKEN);
  engine.Set(cache, "k", {.tags = {"t"}}, 1);
  engine.Set(cache, "other", {}, 1);
  double since = engine.Register(TIERCEL_R_SEQUENCE);
  REQUIRE(Names(engine, cache, "k", since) == Pack({"t"}));
  REQUIRE(Names(engine, cache, "k", 0) == overtaken);
  engine.Set(cache, "other", {}, 1);
  REQUIRE(Names(engine, cache, "k", since) == Pack({"t"}));
  const auto changes = [&](auto change) {
    engine.Set(cache, "k", {.tags = {"t"}}, 1);
    since = engine.Register(TIERCEL_R_SEQUENCE);
    REQUIRE(Names(engine, cache, "k", since) == Pack({"t"}));
    change();
    return Names(engine, cache, "k", since) == overtaken;
  };
  REQUIRE(changes([&] { engine.Set(cache, "k", {}, 1); }));
  REQUIRE(changes([&] { engine.Delete(cache, "k", 1); }));
  REQUIRE(changes([&] { engine.AddTags(cache, "k", {"u"}, 1); }));
  // It is gone, and its names with it: nobody else could tell.
  REQUIRE(changes([&] { engine.Invalidate(cache, {"t"}, 1); }));
  REQUIRE(changes([&] {
    engine.Delete(cache, "k", 1);
    engine.Set(cache, "k", {}, 1);
  }));
}

TEST_CASE("a call says whether it changed its key for those that depend on it elsewhere") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":0,"maxBytes":1000,"values":"bytes"})");
  const auto changed = [&engine] { return engine.Register(TIERCEL_R_CHANGED); };
  engine.Set(cache, "a", {}, 1);
  REQUIRE(changed() == 1);
  REQUIRE(engine.LoadCommit(engine.LoadBegin(cache, "b"), {}, 1) >= 0);
  REQUIRE(changed() == 0);  // A copy of what it was all the time.
  REQUIRE(engine.LoadCommit(engine.LoadBegin(cache, "b"), {}, 1) >= 0);
  REQUIRE(changed() == 1);
  REQUIRE(engine.LoadCommit(engine.LoadBegin(cache, "c"), {.tags = {"t"}}, 1) >= 0);
  REQUIRE(changed() == 1);  // Who came to depend on it before does not have the tag.
  const double overtaken = engine.LoadBegin(cache, "b");
  engine.Clear(cache, 1);
  REQUIRE(engine.LoadCommit(overtaken, {}, 1) == TIERCEL_OVERTAKEN);
  REQUIRE(changed() == 0);
  REQUIRE(engine.Set(cache, "a", {.value = std::string(2000, 'x')}, 1) == TIERCEL_REJECTED);
  REQUIRE(changed() == 1);
  engine.AddTags(cache, "absent", {"t"}, 1);
  REQUIRE(changed() == 0);
  engine.Set(cache, "a", {.tags = {"t"}}, 1);
  engine.AddTags(cache, "a", {"t"}, 1);
  REQUIRE(changed() == 0);
  engine.AddTags(cache, "a", {"u"}, 1);
  REQUIRE(changed() == 1);
  engine.AddTags(cache, "absent", {"t"}, 1);
  engine.Delete(cache, "absent", 1);
  REQUIRE(changed() == 1);
}

TEST_CASE("tags come with a get that asks for them") {
  Engine engine;
  const double cache = engine.Open(R"({"values":"bytes"})");
  engine.Set(cache, "a", {.value = "value", .tags = {"t", u"\u4e00"}, .depends_on = {"k"}}, 1);
  REQUIRE(engine.Get(cache, "a", 1, TIERCEL_GET_TAGS) >= 0);
  REQUIRE(engine.ValueBytes() == "value");
  REQUIRE(Unpack(engine.Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH)).size() == 2);
}

TEST_CASE("a namespace tells its path") {
  Engine engine;
  const double cache = engine.Open(R"({"values":"bytes"})");
  const double ns = engine.Namespace(engine.Namespace(cache, "a"), u"b\u4e00");
  REQUIRE(tiercel_namespace_path(engine.raw(), cache) == 0);
  REQUIRE(engine.Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH).empty());
  REQUIRE(tiercel_namespace_path(engine.raw(), ns) == 2);
  REQUIRE(engine.Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH) == Pack({"a", u"b\u4e00"}));
  REQUIRE(tiercel_namespace_path(engine.raw(), ns + 1) == TIERCEL_BAD_HANDLE);
}

TEST_CASE("iterations that begin together have one number on all stripes, whatever they hold") {
  Striped striped;
  for (int i = 0; i < 300; i++) {
    striped.engines[0].Set(striped.roots[0], std::to_string(i), {}, 1);
    std::set<double> numbers;
    for (uint32_t s = 0; s < kStripes; s++) numbers.insert(striped.engines[s].Iterate(striped.roots[s]));
    REQUIRE(numbers.size() == 1);
  }
}

TEST_CASE("snapshots of stripes, one after the other, are restored by caches of other stripes, or of one") {
  Striped from;
  from.Fill();
  const std::string snapshot = from.Taken();
  constexpr uint8_t kOther[TIERCEL_SEED_BYTES] = {9};
  Striped to(kOther);
  REQUIRE(to.Restored(snapshot) == 800);
  for (uint32_t i = 0; i < 400; i++) {
    const Text key = std::to_string(i);
    const uint32_t at = StripeOf(key, 0, kOther);
    REQUIRE(Read(to.engines[at], to.roots[at], key, 1) == key.bytes);
    const uint32_t in = StripeOf(key, Hash("n", 0, kOther), kOther);
    REQUIRE(Read(to.engines[in], to.engines[in].Namespace(to.roots[in], "n"), key, 1) == "n" + key.bytes);
  }
  Engine one;
  const double whole = one.Open(R"({"values":"bytes"})");
  REQUIRE(Restore(one, whole, snapshot) == 800);
  REQUIRE(Read(one, whole, "7", 1) == "7");
  // And back.
  Striped back;
  REQUIRE(back.Restored(Snapshot(one, whole)) == 800);
}

TEST_CASE("restored into the same stripes, nothing comes back that was invalidated since") {
  Striped striped;
  striped.Fill();
  const std::string snapshot = striped.Taken();
  const uint32_t at = StripeOf("7");
  striped.engines[at].Delete(striped.roots[at], "7", 1);
  REQUIRE(striped.Restored(snapshot) == 0);
  REQUIRE(Read(striped.engines[at], striped.roots[at], "7", 1) == std::nullopt);
}

TEST_CASE("a damaged header in the middle ends what is restored") {
  Striped from;
  from.Fill();
  std::string snapshot = Snapshot(from.engines[0], from.roots[0]);
  const auto first = static_cast<int>(from.engines[0].Size(from.roots[0]));
  const size_t second = snapshot.size();
  snapshot += Snapshot(from.engines[1], from.roots[1]);
  snapshot[second + 20] = static_cast<char>(snapshot[second + 20] ^ 1);
  Engine one;
  const double whole = one.Open(R"({"values":"bytes"})");
  REQUIRE(Restore(one, whole, snapshot) == first);
  REQUIRE(one.RestoreNext(whole, 1) == TIERCEL_MISS);
}

}  // namespace tiercel::test
