#include <cmath>
#include <set>

#include "catch.h"
#include "engine.h"

namespace tiercel::test {
namespace {

constexpr const char* kOptions = R"({"maxEntries":100,"values":"bytes"})";
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("an entry is fresh until its ttl is over") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 10}, 100);
  REQUIRE(engine.Get(cache, "key", 100) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 10);
  REQUIRE(engine.Register(TIERCEL_R_IS_STALE) == 0);
  REQUIRE(engine.Get(cache, "key", 109.5) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 0.5);
  REQUIRE(engine.Get(cache, "key", 110) == TIERCEL_MISS);
}

TEST_CASE("an entry without a ttl is fresh for ever") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 0, .stale = 5}, 0);
  REQUIRE(engine.Get(cache, "key", 1e15) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == kInfinity);
}

TEST_CASE(
    "an entry past its ttl is served to those who accept stale ones, flagged, until its stale time is over") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 10, .stale = 5}, 100);
  REQUIRE(engine.Get(cache, "key", 109, TIERCEL_GET_STALE) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_IS_STALE) == 0);
  REQUIRE(engine.Get(cache, "key", 112) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "key", 112, TIERCEL_GET_STALE) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_IS_STALE) == 1);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == -2);
  REQUIRE(engine.Get(cache, "key", 115, TIERCEL_GET_STALE) == TIERCEL_MISS);
  REQUIRE(engine.Size(cache) == 0);
}

TEST_CASE("a miss on an expired entry removes it, a miss on a stale one does not") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "stale", {.ttl = 10, .stale = 100}, 0);
  engine.Set(cache, "expired", {.ttl = 10}, 0);
  REQUIRE(engine.Get(cache, "stale", 20) == TIERCEL_MISS);
  REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 2);
  REQUIRE(engine.Get(cache, "expired", 20) == TIERCEL_MISS);
  REQUIRE(engine.Register(TIERCEL_R_ENTRIES) == 1);
  REQUIRE(engine.Get(cache, "stale", 20, TIERCEL_GET_STALE) >= 0);
}

TEST_CASE("a touch gives a new ttl and keeps the stale time") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  const int32_t slot = engine.Set(cache, "key", {.ttl = 10, .stale = 5}, 0);
  REQUIRE(engine.Touch(cache, "key", 20, 12) == slot);
  REQUIRE(engine.Get(cache, "key", 31) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 1);
  REQUIRE(engine.Get(cache, "key", 36, TIERCEL_GET_STALE) >= 0);
  REQUIRE(engine.Touch(cache, "key", 0, 36) == slot);
  REQUIRE(engine.Get(cache, "key", 1e9) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == kInfinity);
}

TEST_CASE("a touch does not revive what is over") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 10, .stale = 5}, 0);
  REQUIRE(engine.Touch(cache, "key", 100, 15) == TIERCEL_MISS);
  REQUIRE(engine.Touch(cache, "absent", 100, 15) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "key", 15, TIERCEL_GET_STALE) == TIERCEL_MISS);
}

TEST_CASE("a clock that goes back is taken to stand still") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 10}, 1000);
  REQUIRE(engine.Get(cache, "absent", 1009) == TIERCEL_MISS);
  REQUIRE(engine.Get(cache, "key", 5) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 1);
  engine.Set(cache, "later", {.ttl = 10}, 5);
  REQUIRE(engine.Get(cache, "later", 1018) >= 0);
  REQUIRE(engine.Get(cache, "key", 0, TIERCEL_GET_STALE) == TIERCEL_MISS);
}

TEST_CASE("a time that is no number is taken to stand still") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "key", {.ttl = 10}, 1000);
  REQUIRE(engine.Get(cache, "key", std::nan("")) >= 0);
  REQUIRE(engine.Register(TIERCEL_R_TTL) == 10);
  engine.Set(cache, "other", {.ttl = 10}, std::nan(""));
  REQUIRE(engine.Get(cache, "other", 1009) >= 0);
  REQUIRE(engine.Get(cache, "other", 1010) == TIERCEL_MISS);
}

TEST_CASE("each cache has a time of its own") {
  Engine engine;
  const double late = engine.Open(kOptions);
  const double early = engine.Open(kOptions);
  engine.Set(late, "key", {.ttl = 10}, 1e6);
  engine.Set(early, "key", {.ttl = 10}, 0);
  REQUIRE(engine.Get(early, "key", 9) >= 0);
  REQUIRE(engine.Get(early, "key", 10) == TIERCEL_MISS);
}

TEST_CASE("jitter spreads the ttl within its bounds, and the stale time follows it") {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":2000,"values":"bytes","jitter":0.25})");
  std::set<double> ttls;
  double sum = 0;
  for (int i = 0; i < 1000; i++) {
    const std::string key = std::to_string(i);
    engine.Set(cache, key, {.ttl = 1000, .stale = 100}, 0);
    REQUIRE(engine.Get(cache, key, 0) >= 0);
    const double ttl = engine.Register(TIERCEL_R_TTL);
    REQUIRE(ttl >= 750);
    REQUIRE(ttl <= 1250);
    ttls.insert(ttl);
    sum += ttl;
  }
  REQUIRE(ttls.size() > 990);
  REQUIRE(sum / 1000 > 980);
  REQUIRE(sum / 1000 < 1020);
  engine.Set(cache, "key", {.ttl = 1000, .stale = 100}, 0);
  engine.Get(cache, "key", 0);
  const double ttl = engine.Register(TIERCEL_R_TTL);
  REQUIRE(engine.Get(cache, "key", ttl + 99, TIERCEL_GET_STALE) >= 0);
  REQUIRE(engine.Get(cache, "key", ttl + 101, TIERCEL_GET_STALE) == TIERCEL_MISS);
  engine.Set(cache, "forever", {.ttl = 0}, 0);
  REQUIRE(engine.Get(cache, "forever", 1e9) >= 0);
}

TEST_CASE("a load's ttl counts from its end") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  engine.Set(cache, "other", {}, 0);
  const double load = engine.LoadBegin(cache, "key");
  engine.Get(cache, "other", 500);
  REQUIRE(engine.LoadCommit(load, {.ttl = 10}, 1000) >= 0);
  REQUIRE(engine.Get(cache, "key", 1009) >= 0);
  REQUIRE(engine.Get(cache, "key", 1010) == TIERCEL_MISS);
}

TEST_CASE("a stale time that needs rounding is rounded down") {
  Engine engine;
  const double cache = engine.Open(kOptions);
  constexpr double kStale = 16777219;  // 2^24 + 3, between two floats.
  engine.Set(cache, "key", {.ttl = 1, .stale = kStale}, 0);
  REQUIRE(engine.Get(cache, "key", kStale - 1, TIERCEL_GET_STALE) >= 0);
  REQUIRE(engine.Get(cache, "key", kStale + 1, TIERCEL_GET_STALE) == TIERCEL_MISS);
}

}  // namespace tiercel::test
