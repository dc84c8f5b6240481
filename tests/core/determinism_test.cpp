// Same seed, same calls, same times: the same answers, slots and evictions.
#include <string>

#include "catch.h"
#include "engine.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Everything that a random run answers, as text.
std::string Trace(uint8_t seed_byte) {
  Engine engine;
  const double cache = engine.Open(R"({"maxEntries":40,"maxBytes":9000,"values":"bytes","jitter":0.5})");
  const uint8_t seed[TIERCEL_SEED_BYTES] = {seed_byte, 7};
  engine.Seed(cache, seed);
  engine.Watch(cache, true);
  Random random(1);
  double now = 0;
  std::string trace;
  for (int i = 0; i < 5000; i++) {
    const std::string key = std::to_string(random.Below(100));
    now += random.Below(3);
    switch (random.Below(5)) {
      case 0:
        trace += std::to_string(engine.Delete(cache, key, now));
        break;
      case 1:
        trace += std::to_string(engine.Invalidate(cache, {std::to_string(random.Below(4))}, now));
        break;
      case 2:
        trace += std::to_string(engine.Get(cache, key, now));
        break;
      default: {
        const Stored stored = {.value = std::string(random.Below(400), 'v'),
                               .ttl = random.Below(100) + 1.0,
                               .tags = {std::to_string(random.Below(4))}};
        trace += std::to_string(engine.Set(cache, key, stored, now));
      }
    }
    for (const Removal& removal : engine.Drain(cache)) {
      trace +=
          " " + removal.key.bytes + ":" + std::to_string(removal.slot) + ":" + std::to_string(removal.cause);
    }
    trace += ";";
  }
  return trace + engine.Stats(cache);
}

}  // namespace

TEST_CASE("the same calls have the same results") { REQUIRE(Trace(1) == Trace(1)); }

TEST_CASE("the seed decides what chance there is") { REQUIRE(Trace(1) != Trace(2)); }

}  // namespace tiercel::test
