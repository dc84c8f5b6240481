#ifndef TIERCEL_SRC_STATS_H_
#define TIERCEL_SRC_STATS_H_

#include <array>
#include <cstdint>
#include <string>

#include "policy.h"
#include "tiercel/abi.h"

namespace tiercel {

// Counted by the cache as it goes. Invariant: adds - sum of removals == entries, if never reset.
struct Counters {
  uint64_t hits = 0;
  uint64_t stale_hits = 0;
  uint64_t misses = 0;
  uint64_t sets = 0;
  uint64_t rejected = 0;
  uint64_t adds = 0;
  uint64_t loads = 0;
  uint64_t overtaken = 0;
  uint64_t lost_events = 0;
  std::array<uint64_t, TIERCEL_CAUSE_DEPENDENCY + 1> removals = {};
};

// What is true at the moment.
struct Gauges {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t max_entries = 0;
  uint64_t max_bytes = 0;
  uint64_t loading = 0;
  uint64_t pending_reclaim = 0;
  uint64_t scopes = 0;
  uint64_t barriers = 0;
  uint64_t pinned = 0;
  uint64_t timed = 0;
};

// All as one JSON object, with the names of the JavaScript API.
std::string StatsJson(const Counters& counters, const Gauges& gauges, PolicyKind kind,
                      const PolicyState& policy);

}  // namespace tiercel

#endif  // TIERCEL_SRC_STATS_H_
