// What the core takes from the allocator for each entry, against what it promises and what it accounts.
#include <cstdint>
#include <string>
#include <vector>

#include "catch.h"
#include "document.h"
#include "engine.h"
#include "memory.h"

#ifdef __GLIBC__  // Whose allocator tells what it takes.

namespace tiercel::test {
namespace {

#if defined(__SANITIZE_ADDRESS__)
const std::vector<int> kSizes = {100000};
#else
const std::vector<int> kSizes = {100000, 300000, 1000000};
#endif

constexpr uint32_t kKeyBytes = 30;
constexpr double kMostMetadata = 64;
constexpr double kMostUnaccounted = 1.10;

std::string Key(int i) {
  std::string key = "user:" + std::to_string(i) + ":";
  key.resize(kKeyBytes, 'p');
  return key;
}

struct Footprint {
  double real = 0;       // Bytes of the core's memory.
  double accounted = 0;  // R_BYTES.
  double values = 0;     // Bytes of values, without what the allocator adds.
};

// Of a cache in which twice as many keys were set as it holds, so that it has ghosts of half of them.
Footprint Fill(const char* values, int entries, uint32_t value_bytes, double ttl) {
  const int64_t before = Faults().bytes;
  Engine engine;
  const double cache =
      engine.Open("{\"maxEntries\":" + std::to_string(entries) + ",\"values\":\"" + values + "\"}");
  Stored stored;
  stored.value = std::string(value_bytes, 'v');
  for (int i = 0; i < entries * 2; i++) {
    stored.ttl = ttl == 0 ? 0 : ttl + i;
    REQUIRE(engine.Set(cache, Key(i), stored, 1) >= 0);
    engine.RemovalsClear(cache);
  }
  REQUIRE(engine.Size(cache) == entries);
  const double bytes = engine.Register(TIERCEL_R_BYTES);
  return {static_cast<double>(Faults().bytes - before), bytes, static_cast<double>(entries) * value_bytes};
}

}  // namespace

TEST_CASE("an entry takes at most 64 bytes beside its key and value, with a ttl too") {
  for (const int entries : kSizes) {
    const Footprint plain = Fill("reference", entries, 0, 0);
    const Footprint timed = Fill("reference", entries, 0, 1000);
    const double per_entry = plain.real / entries - kKeyBytes;
    const double per_timed_entry = timed.real / entries - kKeyBytes;
    WARN(entries << " entries: " << per_entry << " bytes of metadata each, " << per_timed_entry
                 << " with a ttl");
    CHECK(per_entry <= kMostMetadata);
    CHECK(per_timed_entry <= kMostMetadata);
  }
}

TEST_CASE("bytes are accounted truly") {
  for (const int entries : kSizes) {
    for (const uint32_t value_bytes : {20U, 200U, 2000U}) {
      for (const double ttl : {0.0, 1000.0}) {
        if (value_bytes != 200 && entries != kSizes[0]) continue;
        const Footprint footprint = Fill("bytes", entries, value_bytes, ttl);
        const double ratio = footprint.real / footprint.accounted;
        WARN(entries << " entries, values of " << value_bytes << " bytes" << (ttl == 0 ? "" : ", ttl")
                     << ": real bytes / accounted " << ratio);
        CHECK(ratio <= kMostUnaccounted);
      }
    }
  }
}

}  // namespace tiercel::test

#endif
