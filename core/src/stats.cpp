#include "stats.h"

namespace tiercel {
namespace {

struct Member {
  const char* name;
  uint64_t value;
};

// Numbers only, so that nothing needs escaping.
template <size_t kCount>
void Append(const Member (&members)[kCount], std::string* json) {
  for (const Member& member : members) {
    if (json->back() != '{') *json += ',';
    *json += '"';
    *json += member.name;
    *json += "\":";
    *json += std::to_string(member.value);
  }
}

constexpr const char* kPolicies[] = {"adaptive", "lru", "sieve", "s3fifo"};

}  // namespace

std::string StatsJson(const Counters& counters, const Gauges& gauges, PolicyKind kind,
                      const PolicyState& policy) {
  const auto& removals = counters.removals;
  std::string json = "{";
  Append({{"entries", gauges.entries},
          {"bytes", gauges.bytes},
          {"maxEntries", gauges.max_entries},
          {"maxBytes", gauges.max_bytes},
          {"hits", counters.hits},
          {"staleHits", counters.stale_hits},
          {"misses", counters.misses},
          {"sets", counters.sets},
          {"rejected", counters.rejected},
          {"adds", counters.adds},
          {"loads", counters.loads},
          {"overtaken", counters.overtaken},
          {"loading", gauges.loading},
          {"pinned", gauges.pinned},
          {"timed", gauges.timed},
          {"pendingReclaim", gauges.pending_reclaim},
          {"scopes", gauges.scopes},
          {"barriers", gauges.barriers},
          {"lostEvents", counters.lost_events}},
         &json);
  json += R"(,"policy":")";
  json += kPolicies[static_cast<uint32_t>(kind)];
  json += R"(","removals":{)";
  Append({{"explicit", removals[TIERCEL_CAUSE_EXPLICIT]},
          {"replaced", removals[TIERCEL_CAUSE_REPLACED]},
          {"expired", removals[TIERCEL_CAUSE_EXPIRED]},
          {"size", removals[TIERCEL_CAUSE_SIZE]},
          {"tag", removals[TIERCEL_CAUSE_TAG]},
          {"clear", removals[TIERCEL_CAUSE_CLEAR]},
          {"pattern", removals[TIERCEL_CAUSE_PATTERN]},
          {"dependency", removals[TIERCEL_CAUSE_DEPENDENCY]}},
         &json);
  json += R"(},"policyState":{)";
  Append({{"windowTarget", policy.window_target},
          {"window", policy.window},
          {"protected", policy.protected_},
          {"ghosts", policy.ghosts},
          {"sketchCounters", policy.sketch_counters},
          {"memory", policy.memory}},
         &json);
  json += "}}";
  return json;
}

}  // namespace tiercel
