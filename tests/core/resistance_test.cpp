// What somebody can do to a cache who may ask it for any key: keys that nobody asks for again must not push
// out what is used.
#include <string>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr int kEntries = 1000;
constexpr uint32_t kHot = 800;
constexpr int kRequests = 200000;

// Gets a key, and sets it if it is not there.
bool Request(Engine& engine, double cache, const std::string& key) {
  if (engine.Get(cache, key, 1) >= 0) return true;
  REQUIRE(engine.Set(cache, key, {}, 1) >= 0);
  engine.RemovalsClear(cache);
  return false;
}

// The part of the requests for hot keys that hit, the more often asked for the lower their number, while for
// each of them so many others are made for keys of `junk`.
template <typename Junk>
double HotHits(int others, Junk junk) {
  Engine engine;
  const double cache = engine.Open("{\"maxEntries\":" + std::to_string(kEntries) + "}");
  const uint8_t seed[TIERCEL_SEED_BYTES] = {1, 2, 3};
  REQUIRE(engine.Seed(cache, seed) == TIERCEL_OK);
  Random random(1);
  int hits = 0;
  for (int i = 0; i < 2 * kRequests; i++) {
    const auto hot = static_cast<uint32_t>(random.Unit() * random.Unit() * kHot);
    const bool hit = Request(engine, cache, "hot " + std::to_string(hot));
    if (i >= kRequests) hits += hit ? 1 : 0;  // It takes a while until it knows them.
    for (int n = 0; n < others; n++) Request(engine, cache, junk(i * others + n));
  }
  return static_cast<double>(hits) / kRequests;
}

}  // namespace

TEST_CASE("nine junk keys of ten cost the hot ones at most three points") {
  const double alone = HotHits(0, [](int) { return std::string(); });
  const double among_new_keys = HotHits(9, [](int i) { return "junk " + std::to_string(i); });
  INFO(alone << " alone, " << among_new_keys << " among keys never asked for again");
  REQUIRE(alone > 0.9);
  REQUIRE(among_new_keys >= alone - 0.03);
}

TEST_CASE("what was used most gives way once nobody uses it any more") {
  Engine engine;
  const double cache = engine.Open("{\"maxEntries\":" + std::to_string(kEntries) + "}");
  Random random(1);
  const auto hits = [&](const char* kind) {
    int count = 0;
    for (int i = 0; i < kRequests; i++) {
      const bool hit = Request(engine, cache, kind + std::to_string(random.Below(kHot)));
      if (i >= kRequests / 2) count += hit ? 1 : 0;
    }
    return static_cast<double>(count) / (kRequests - kRequests / 2);
  };
  REQUIRE(hits("before ") > 0.95);
  REQUIRE(hits("after ") > 0.95);
}

}  // namespace tiercel::test
