// What somebody can do to a cache who may ask it for any key: keys that nobody asks for again must not push
// out what is used, whatever their hashes are.
#include <string>
#include <vector>

#include "catch.h"
#include "engine.h"
#include "key.h"
#include "policy_harness.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr uint32_t kEntries = 1000;
constexpr int kRequests = 200000;
constexpr uint8_t kSeed[TIERCEL_SEED_BYTES] = {1, 2, 3};
constexpr uint8_t kOtherSeed[TIERCEL_SEED_BYTES] = {4, 5, 6};

// Gets a key, and sets it if it is not there.
bool Request(Engine& engine, double cache, const std::string& key) {
  if (engine.Get(cache, key, 1) >= 0) return true;
  REQUIRE(engine.Set(cache, key, {}, 1) >= 0);
  engine.RemovalsClear(cache);
  return false;
}

// The part of the requests for hot keys that hit, while for each of them so many others are made for keys of
// `junk`.
template <typename Hot, typename Junk>
double HotHits(Hot hot, int others, Junk junk, const char* policy = "adaptive") {
  Engine engine;
  const double cache = engine.Open("{\"maxEntries\":" + std::to_string(kEntries) + ",\"policy\":\"" +
                                   std::string(policy) + "\"}");
  REQUIRE(engine.Seed(cache, kSeed) == TIERCEL_OK);
  int hits = 0;
  for (int i = 0; i < 2 * kRequests; i++) {
    const bool hit = Request(engine, cache, "hot " + std::to_string(hot()));
    if (i >= kRequests) hits += hit ? 1 : 0;  // It takes a while until it knows them.
    for (int n = 0; n < others; n++) Request(engine, cache, junk(i * others + n));
  }
  return static_cast<double>(hits) / kRequests;
}

// The more often asked for the lower their number.
auto Falling(uint32_t keys) {
  return [keys, random = Random(1)]() mutable {
    return static_cast<uint32_t>(random.Unit() * random.Unit() * keys);
  };
}
auto Popular(uint32_t keys) {
  return [zipf = Zipf(keys, 0.9, 1)]() mutable { return zipf.Next(); };
}

std::string NewKey(int i) { return "junk " + std::to_string(i); }
std::string None(int) { return {}; }

// Four times as many keys as a cache holds, all in one line of the history of a cache of this seed.
std::vector<std::string> Colliding(const uint8_t* seed) {
  const HashSeed hash_seed = {LoadLittleEndian64(seed), LoadLittleEndian64(seed + 8)};
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < 4 * kEntries; i++) {
    std::string key = NewKey(i);
    const Text text(key);
    if (HashText(hash_seed, 0, 0, {text.data(), text.size(), false}) % 256 == 0)
      keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

TEST_CASE("nine junk keys of ten cost the hot ones at most three points") {
  for (const uint32_t hot : {kEntries / 4, kEntries / 2, kEntries * 8 / 10}) {
    const double alone = HotHits(Falling(hot), 0, None);
    const double among_new_keys = HotHits(Falling(hot), 9, NewKey);
    INFO(hot << ": " << alone << " alone, " << among_new_keys << " among keys never asked for again");
    REQUIRE(alone > 0.99);
    REQUIRE(among_new_keys >= alone - 0.03);
  }
}

// Then no more than a part of the hot keys can be known from their counts: of ten requests for each entry, as
// far back as these reach, one was not for junk.
TEST_CASE("nine junk keys of ten cost hot keys that do not all fit an eighth of what they cost with LRU") {
  for (const bool falling : {true, false}) {
    const auto lost = [&](const char* policy) {
      return falling ? HotHits(Falling(kEntries * 3 / 2), 0, None, policy) -
                           HotHits(Falling(kEntries * 3 / 2), 9, NewKey, policy)
                     : HotHits(Popular(kEntries * 2), 0, None, policy) -
                           HotHits(Popular(kEntries * 2), 9, NewKey, policy);
    };
    const double adaptive = lost("adaptive");
    const double lru = lost("lru");
    INFO(adaptive << " lost with adaptive, " << lru << " with LRU");
    REQUIRE(lru > 0.4);
    REQUIRE(adaptive < lru / 8);
  }
}

TEST_CASE("keys that collide in what is remembered of keys leave 99 per cent of the hits") {
  const auto hits = [](const std::vector<std::string>& keys) {
    return HotHits(Falling(kEntries / 2), 1, [&](int i) { return keys[i % keys.size()]; });
  };
  const double alone = HotHits(Falling(kEntries / 2), 0, None);
  // From a cache of one's own nothing is learnt about another.
  const double attacked = hits(Colliding(kOtherSeed));
  const double attacked_by_who_knows_the_seed = hits(Colliding(kSeed));
  CAPTURE(alone, attacked, attacked_by_who_knows_the_seed);
  REQUIRE(attacked > 0.99 * alone);
  REQUIRE(attacked_by_who_knows_the_seed > 0.99 * attacked);
}

TEST_CASE("what was used most gives way once nobody uses it any more") {
  Engine engine;
  const double cache = engine.Open("{\"maxEntries\":" + std::to_string(kEntries) + "}");
  Random random(1);
  const auto hits = [&](const char* kind) {
    int count = 0;
    for (int i = 0; i < kRequests; i++) {
      const bool hit = Request(engine, cache, kind + std::to_string(random.Below(kEntries * 8 / 10)));
      if (i >= kRequests / 2) count += hit ? 1 : 0;
    }
    return static_cast<double>(count) / (kRequests - kRequests / 2);
  };
  REQUIRE(hits("before ") > 0.95);
  REQUIRE(hits("after ") > 0.95);
}

}  // namespace tiercel::test
