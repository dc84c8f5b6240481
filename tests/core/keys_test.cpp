// Any two different JavaScript strings are two keys, and one string is one key however it is passed.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "engine.h"
#include "key.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":0,"maxBytes":1000000000,"values":"bytes"})";

// Mostly from few units, so that strings share lengths and beginnings.
std::u16string RandomUnits(Random& random) {
  static constexpr char16_t kUnits[] = {0,      u'a',   u'b',   u':',   0x7f,   0x80,   0xe9,
                                        0xff,   0x100,  0x101,  0x6100, 0xd800, 0xd83d, 0xdc00,
                                        0xde00, 0xdfff, 0xfeff, 0xfffd, 0xffff, 0x4e00};
  // A narrow alphabet for one string in two.
  const uint32_t most = random.Below(2) == 0 ? 8 : sizeof(kUnits) / sizeof(kUnits[0]);
  std::u16string units(random.Below(random.Below(4) == 0 ? 40 : 9), 0);
  for (char16_t& unit : units) unit = kUnits[random.Below(most)];
  return units;
}

// The hash of a Latin-1 key in an unseeded cache; 32 bits, so that collisions can be searched for.
uint32_t HashOf(uint32_t ns, const std::string& key) {
  const auto* data = reinterpret_cast<const uint8_t*>(key.data());
  return HashText({}, ns, 0, {data, static_cast<uint32_t>(key.size()), false});
}

Text Pass(const std::u16string& units, bool as_utf16) {
  const Text text{std::u16string_view(units)};
  return as_utf16 ? text : text.canonical();
}

}  // namespace

TEST_CASE("strings are one key if and only if they are equal") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  Random random(1);
  std::map<std::u16string, std::string> model;
  for (int i = 0; i < 100000; i++) {
    const std::u16string units = RandomUnits(random);
    const auto known = model.find(units);
    const auto found = Read(engine, cache, Pass(units, random.Below(2) == 0), 1);
    REQUIRE(found.has_value() == (known != model.end()));
    if (found) REQUIRE(*found == known->second);
    model[units] = std::to_string(i);
    REQUIRE(engine.Set(cache, Pass(units, random.Below(2) == 0), {.value = std::to_string(i)}, 1) >= 0);
  }
  REQUIRE(engine.Size(cache) == static_cast<double>(model.size()));
  for (const auto& [units, value] : model) REQUIRE(Read(engine, cache, Pass(units, true), 1) == value);
}

TEST_CASE("each single unit is a key of its own") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  for (uint32_t unit = 0; unit <= 0xffff; unit++) {
    const std::u16string units(1, static_cast<char16_t>(unit));
    REQUIRE(engine.Set(cache, Pass(units, true), {.value = std::to_string(unit)}, 1) >= 0);
  }
  REQUIRE(engine.Size(cache) == 65536);
  for (uint32_t unit = 0; unit <= 0xffff; unit++) {
    const std::u16string units(1, static_cast<char16_t>(unit));
    REQUIRE(Read(engine, cache, Pass(units, false), 1) == std::to_string(unit));
  }
}

TEST_CASE("a string of bytes and one of units with the same bytes are two keys") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, Text(u"\x4161"), {.value = "one unit"}, 1);
  REQUIRE_FALSE(Read(engine, cache, "aA", 1));
  engine.Set(cache, "aA", {.value = "two units"}, 1);
  REQUIRE(Read(engine, cache, Text(u"\x4161"), 1) == "one unit");
  REQUIRE(engine.Size(cache) == 2);
}

TEST_CASE("a key comes back as it is stored, the shortest form") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const std::vector<Text> keys = {Text(u"caf\u00e9"), Text(u"\xd800"), Text(""),
                                  Text(std::string_view("a\0b", 3))};
  for (const Text& key : keys) engine.Set(cache, key, {}, 1);
  const double iteration = engine.Iterate(cache);
  std::set<std::string> met;
  for (int32_t slot = -1; (slot = engine.Next(cache, slot, iteration, 1)) >= 0;) {
    const Text key = engine.Key();
    REQUIRE(key.encoding == key.canonical().encoding);
    met.insert(key.bytes);
  }
  REQUIRE(met == std::set<std::string>{"caf\xe9", std::string("\0\xd8", 2), "", std::string("a\0b", 3)});
}

TEST_CASE("a namespace is not a part of its keys") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const std::vector<std::vector<Text>> paths = {
      {"a", "b:x"},
      {"a:b", "x"},
      {"", "a"},
      {"a", ""},
      {"a"},
      {"a", "b", "x"},
      {"a", "bx"},
      {"ab", "x"},
      {Text(u"\xd800"), Text(u"\xdc00")},
      {Text(u"\xd800\xdc00"), ""},
      {"*", "x"},
      {"a", Text(u"\x100")},
  };
  int stored = 0;
  for (const auto& path : paths) {
    double ns = cache;
    for (size_t i = 0; i + 1 < path.size(); i++) ns = engine.Namespace(ns, path[i]);
    REQUIRE_FALSE(Read(engine, ns, path.back(), 1));
    REQUIRE(engine.Set(ns, path.back(), {.value = std::to_string(stored++)}, 1) >= 0);
  }
  REQUIRE(engine.Size(cache) == static_cast<double>(paths.size()));
}

TEST_CASE("two keys of one hash are two keys") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  std::map<uint32_t, std::string> seen;
  int collisions = 0;
  for (int i = 0; collisions < 3; i++) {
    const std::string key = std::to_string(i);
    const auto [other, is_new] = seen.emplace(HashOf(0, key), key);
    if (is_new) continue;
    collisions++;
    engine.Set(cache, other->second, {.value = "one"}, 1);
    REQUIRE_FALSE(Read(engine, cache, key, 1));
    engine.Set(cache, key, {.value = "two"}, 1);
    REQUIRE(Read(engine, cache, other->second, 1) == "one");
    REQUIRE(engine.Delete(cache, key, 1) == 1);
    REQUIRE(Read(engine, cache, other->second, 1) == "one");
  }
}

TEST_CASE("a key of one hash in two namespaces is two keys") {
  constexpr uint32_t kNamespaces = 3000;
  Engine engine;
  const double cache = engine.Open(kOptions);
  std::vector<double> namespaces = {cache};  // By their number in the core.
  for (uint32_t i = 1; i < kNamespaces; i++) namespaces.push_back(engine.Namespace(cache, std::to_string(i)));
  int collisions = 0;
  for (int i = 0; collisions < 2; i++) {
    const std::string key = std::to_string(i);
    std::map<uint32_t, uint32_t> seen;
    for (uint32_t ns = 0; ns < kNamespaces; ns++) {
      const auto [other, is_new] = seen.emplace(HashOf(ns, key), ns);
      if (is_new) continue;
      collisions++;
      engine.Set(namespaces[other->second], key, {.value = "one"}, 1);
      const double load = engine.LoadBegin(namespaces[other->second], key);
      REQUIRE_FALSE(Read(engine, namespaces[ns], key, 1));
      REQUIRE(engine.Delete(namespaces[ns], key, 1) == 0);
      REQUIRE(engine.LoadBegin(namespaces[ns], key) != load);
      REQUIRE(engine.LoadCommit(load, {.value = "two"}, 1) >= 0);
    }
  }
}

TEST_CASE("keys stay found when the cache is seeded anew") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const double ns = engine.Namespace(cache, "n");
  for (int i = 0; i < 2000; i++) engine.Set(i % 2 == 0 ? cache : ns, std::to_string(i), {.tags = {"t"}}, 1);
  const double load = engine.LoadBegin(ns, "loading");
  Random random(2);
  for (int round = 0; round < 5; round++) {
    uint8_t seed[TIERCEL_SEED_BYTES];
    for (uint8_t& byte : seed) byte = static_cast<uint8_t>(random.Next());
    REQUIRE(engine.Seed(cache, seed) == TIERCEL_OK);
    REQUIRE(engine.Namespace(cache, "n") == ns);
    for (int i = 0; i < 2000; i++) REQUIRE(engine.Get(i % 2 == 0 ? cache : ns, std::to_string(i), 1) >= 0);
    REQUIRE(engine.LoadBegin(ns, "loading") == load);
  }
  REQUIRE(engine.Invalidate(ns, {"t"}, 1) == 1000);
}

TEST_CASE("a key may be as long as the options say, counted as it is stored") {
  Engine engine;
  const double cache = engine.Open(R"({"maxKeyBytes":6})");
  REQUIRE(engine.Set(cache, "123456", {}, 1) >= 0);
  REQUIRE(engine.Set(cache, Text(u"123456"), {}, 1) >= 0);
  REQUIRE(engine.Size(cache) == 1);
  REQUIRE(engine.Set(cache, "1234567", {}, 1) == TIERCEL_KEY_TOO_LONG);
  REQUIRE(engine.Set(cache, Text(u"123\u0100"), {}, 1) == TIERCEL_KEY_TOO_LONG);
  REQUIRE(engine.Set(cache, Text(u"12\u0100"), {}, 1) >= 0);
  const double largest = engine.Open(R"({"maxKeyBytes":1048576})");
  const std::string key(1048576, 'k');
  REQUIRE(engine.Set(largest, key, {}, 1) >= 0);
  REQUIRE(engine.Get(largest, key, 1) >= 0);
  REQUIRE(engine.Get(largest, key + "k", 1) == TIERCEL_KEY_TOO_LONG);
}

}  // namespace tiercel::test
