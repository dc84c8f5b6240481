#include "stats.h"

#include <nlohmann/json.hpp>

namespace tiercel {

std::string StatsJson(const Counters& counters, const Gauges& gauges) {
  const auto& removals = counters.removals;
  const nlohmann::json document = {
      {"entries", gauges.entries},
      {"bytes", gauges.bytes},
      {"maxEntries", gauges.max_entries},
      {"maxBytes", gauges.max_bytes},
      {"policy", "lru"},
      {"hits", counters.hits},
      {"staleHits", counters.stale_hits},
      {"misses", counters.misses},
      {"sets", counters.sets},
      {"rejected", counters.rejected},
      {"adds", counters.adds},
      {"removals",
       {{"explicit", removals[TIERCEL_CAUSE_EXPLICIT]},
        {"replaced", removals[TIERCEL_CAUSE_REPLACED]},
        {"expired", removals[TIERCEL_CAUSE_EXPIRED]},
        {"size", removals[TIERCEL_CAUSE_SIZE]},
        {"tag", removals[TIERCEL_CAUSE_TAG]},
        {"clear", removals[TIERCEL_CAUSE_CLEAR]}}},
      {"loads", counters.loads},
      {"overtaken", counters.overtaken},
      {"loading", gauges.loading},
      {"pendingReclaim", gauges.pending_reclaim},
      {"scopes", gauges.scopes},
      {"lostEvents", counters.lost_events},
  };
  return document.dump();
}

}  // namespace tiercel
