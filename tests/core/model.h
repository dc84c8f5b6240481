// What a cache must hold to be right: a plain model without eviction, bounds or hashing. The real cache may
// hold any subset of it, and must say truly which.
#ifndef TIERCEL_TESTS_CORE_MODEL_H_
#define TIERCEL_TESTS_CORE_MODEL_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include "sequence.h"

namespace tiercel::test {

constexpr double kForever = std::numeric_limits<double>::infinity();

class Model {
 public:
  struct Entry {
    uint32_t version = 0;  // Unique to each value; the value embeds it.
    uint32_t birth = 0;    // Unique to each stay of a key; kept when its value is replaced.
    uint32_t size = 0;
    uint32_t tags = 0;
    uint32_t format = 0;
    double fresh_until = kForever;
    double served_until = kForever;
    double stale = 0;
    int32_t slot = 0;
  };

  struct Load {
    int place = 0;
    bool overtaken = false;  // By its key or a clear: nobody may join it, nothing of it is stored.
    uint32_t noted_tags = 0;
    uint32_t invalidated_tags = 0;  // Of its namespace, since it began.
    bool scopes_untouched = true;   // No clear or invalidation of tags at all since it began.
  };

  // ---- Time

  // A call is told that it is `now`; what the cache takes that for is now().
  void See(double now) { now_ = std::fmax(now_, now); }
  double now() const { return now_; }
  bool IsFresh(const Entry& entry) const { return now_ < entry.fresh_until; }
  bool IsServable(const Entry& entry) const { return now_ < entry.served_until; }

  static void Expire(Entry* entry, double now, double ttl) {
    entry->fresh_until = ttl == 0 ? kForever : now + ttl;
    entry->served_until = entry->fresh_until + entry->stale;
  }

  // ---- Entries

  // The entry that a read may return, or nullptr.
  const Entry* Find(int place, bool accepts_stale) const {
    const auto found = entries.find(place);
    if (found == entries.end()) return nullptr;
    const Entry& entry = found->second;
    return IsFresh(entry) || (accepts_stale && IsServable(entry)) ? &entry : nullptr;
  }

  // A new value of a key, or none: whatever was being fetched for it is out of date.
  void OvertakeKey(int place) {
    for (auto& [handle, load] : loads) load.overtaken |= load.place == place;
  }

  // Whether a namespace covers a place: it is in it or in one of those below, of which each has one.
  static bool Covers(int ns, int place) { return NamespaceOf(place) >= ns; }

  void ClearLoads(int ns) {
    for (auto& [handle, load] : loads) {
      load.overtaken |= Covers(ns, load.place);
      load.scopes_untouched = false;
    }
  }

  void InvalidateLoads(int ns, uint32_t tags) {
    for (auto& [handle, load] : loads) {
      if (NamespaceOf(load.place) == ns) load.invalidated_tags |= tags;
      load.scopes_untouched = false;
    }
  }

  // ---- Loads

  // The handle of the load that a caller joins, or 0.
  double Joinable(int place) const {
    for (const auto& [handle, load] : loads) {
      if (load.place == place && !IsOvertaken(load, 0)) return handle;
    }
    return 0;
  }

  // `tags` are those of its value as far as they are not noted.
  static bool IsOvertaken(const Load& load, uint32_t tags) {
    return load.overtaken || (load.invalidated_tags & (load.noted_tags | tags)) != 0;
  }

  // ---- Accounting: 96 bytes an entry, its key as stored, its value, 24 bytes a scope it is in.

  static double Cost(int place, uint32_t size, uint32_t tags) {
    const int links = NamespaceOf(place) + __builtin_popcount(tags);
    return 96.0 + KeyText(place % kKeys).canonical().size() + size + 24.0 * links;
  }

  double Bytes() const {
    double bytes = 0;
    for (const auto& [place, entry] : entries) bytes += Cost(place, entry.size, entry.tags);
    return bytes;
  }

  double Count(int ns) const {
    double count = 0;
    for (const auto& [place, entry] : entries) count += Covers(ns, place) ? 1 : 0;
    return count;
  }

  bool IsUsed(int ns) const {
    if (Count(ns) != 0) return true;
    for (const auto& [handle, load] : loads) {
      if (Covers(ns, load.place)) return true;
    }
    return false;
  }

  std::map<int, Entry> entries;  // By place. Expired ones stay until the cache says that they left.
  std::map<double, Load> loads;  // In flight, by handle.

 private:
  double now_ = 0;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_MODEL_H_
