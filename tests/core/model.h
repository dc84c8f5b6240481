// What a cache must hold to be right: a plain model without eviction, bounds or hashing. The real cache may
// hold any subset of it, and must say truly which.
#ifndef TIERCEL_TESTS_CORE_MODEL_H_
#define TIERCEL_TESTS_CORE_MODEL_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>

#include "sequence.h"
#include "tiercel/abi.h"

namespace tiercel::test {

constexpr double kForever = std::numeric_limits<double>::infinity();

class Model {
 public:
  // The tags of an entry and the keys it depends on, as masks, and those of them that are its own. The others
  // it has because an entry that it depends on has them.
  struct Names {
    uint32_t tags = 0;
    uint32_t keys = 0;
    uint32_t own_tags = 0;

    uint32_t count() const {
      return static_cast<uint32_t>(__builtin_popcount(tags) + __builtin_popcount(keys));
    }
  };

  struct Entry {
    uint32_t version = 0;  // Unique to each value; the value embeds it.
    uint32_t birth = 0;    // Unique to each stay of a key; kept when its value is replaced.
    uint32_t size = 0;
    Names names;
    uint32_t format = 0;
    bool pinned = false;
    bool extra = false;  // Whether it was ever given a deadline, or has a scope: what it counts then stays.
    double fresh_until = kForever;
    double served_until = kForever;
    double stale = 0;
    int32_t slot = 0;
    uint32_t killed = 0;     // Mask of causes: it was invalidated, and waits to be reclaimed.
    uint32_t killed_at = 0;  // The operation that did it first.
    uint32_t doubt = 0;      // Mask of causes: it may have been invalidated.
  };

  struct Load {
    int place = 0;
    bool overtaken = false;  // By its key, a clear, a prefix or a pattern: nothing of it is stored.
    bool doubt = false;      // It may have been.
    bool stirred = false;    // Something changed since it began.
    uint32_t noted_tags = 0;
    uint32_t noted_keys = 0;
    uint32_t invalidated_tags = 0;   // Of its namespace, since it began.
    uint32_t changed_keys = 0;       // The same.
    std::array<Names, kKeys> basis;  // What entries of its namespace had for names since it began, by key.
    uint32_t covers = 0;             // Invalidations by prefix or pattern since it began.
    bool scopes_untouched = true;    // Nothing but keys was invalidated since it began.

    void KeyChanged(uint32_t key) {
      changed_keys |= key;
      for (uint32_t k = 0; k < kKeys; k++) changed_keys |= (basis[k].keys & key) != 0 ? 1U << k : 0;
    }
    void TagsInvalidated(uint32_t tags) {
      invalidated_tags |= tags;
      for (uint32_t k = 0; k < kKeys; k++) changed_keys |= (basis[k].tags & tags) != 0 ? 1U << k : 0;
    }
    // With names that its value turns out to have, beside those noted.
    bool IsOvertaken(uint32_t tags, uint32_t keys) const {
      return overtaken || (invalidated_tags & (noted_tags | tags)) != 0 ||
             (changed_keys & (noted_keys | keys)) != 0;
    }
    // The cache may take another change for one of a key that the value depends on.
    bool MayBeOvertaken(uint32_t keys) const { return doubt || (stirred && (noted_keys | keys) != 0); }
  };

  static uint32_t Bit(int place) { return 1U << (place % kKeys); }
  // Whether a namespace covers a place: it is in it or in one of those below, of which each has one.
  static bool Covers(int ns, int place) { return NamespaceOf(place) >= ns; }

  // ---- Time

  // A call is told that it is `now`; what the cache takes that for is now().
  void See(double now) { now_ = std::fmax(now_, now); }
  double now() const { return now_; }
  bool IsFresh(const Entry& entry) const { return now_ < entry.fresh_until; }
  bool IsInTime(const Entry& entry) const { return now_ < entry.served_until; }
  bool IsServable(const Entry& entry) const { return entry.killed == 0 && IsInTime(entry); }

  static void Expire(Entry* entry, double fresh_until, double stale) {
    const float rounded = static_cast<float>(stale);
    entry->stale = rounded > stale ? std::nextafter(rounded, 0.0F) : rounded;
    entry->fresh_until = fresh_until;
    entry->served_until = fresh_until + entry->stale;
  }

  // ---- Entries

  // The entry that a read may return, or nullptr.
  const Entry* Find(int place, bool accepts_stale) const {
    const auto found = entries.find(place);
    if (found == entries.end() || !IsServable(found->second)) return nullptr;
    return IsFresh(found->second) || accepts_stale ? &found->second : nullptr;
  }

  // The names that a value stored now gets: with each entry that it depends on come those of that.
  Names NamesOf(int place, uint32_t tags, uint32_t keys) const {
    const uint32_t self = Bit(place);
    Names names = {tags, keys & ~self, tags};
    for (const auto& [other, entry] : entries) {
      if (NamespaceOf(other) != NamespaceOf(place) || (keys & Bit(other)) == 0 || entry.killed != 0) continue;
      names.tags |= entry.names.tags;
      names.keys |= entry.names.keys & ~self;
    }
    return names;
  }

  void Put(int place, const Entry& entry) {
    entries[place] = entry;
    for (auto& [handle, load] : loads) {
      if (NamespaceOf(load.place) != NamespaceOf(place)) continue;
      Names& basis = load.basis[static_cast<size_t>(place % kKeys)];
      basis.tags |= entry.names.tags;
      basis.keys |= entry.names.keys;
    }
  }

  // ---- What invalidates

  // Whether an entry is concerned, and by which causes.
  using Causes = std::function<uint32_t(int place, const Entry& entry)>;

  void Kill(const Causes& causes_of) {
    for (auto& [place, entry] : entries) {
      const uint32_t causes = causes_of(place, entry);
      if (causes == 0) continue;
      const bool was_dead = entry.killed != 0;
      entry.killed |= causes;
      if (was_dead) continue;
      entry.killed_at = operation;
      for (auto& [handle, load] : loads) {
        if (NamespaceOf(load.place) == NamespaceOf(place)) load.KeyChanged(Bit(place));
      }
      const auto found = saved.find(place);
      if (found != saved.end()) found->second.killed |= causes;
    }
    Stir();
  }

  void KillSaved(const Causes& causes_of) {
    for (auto& [place, entry] : saved) entry.killed |= causes_of(place, entry);
  }
  void KillAll(const Causes& causes_of) {
    Kill(causes_of);
    KillSaved(causes_of);
  }

  // What is being fetched for a key is out of date.
  void Overtake(int place) {
    for (auto& [handle, load] : loads) load.overtaken |= load.place == place;
  }

  // A key has another value, or none: what depends on it is out of date, and what is being fetched for it.
  void Change(int place) {
    Overtake(place);
    for (auto& [handle, load] : loads) {
      if (NamespaceOf(load.place) == NamespaceOf(place)) load.KeyChanged(Bit(place));
    }
    const auto found = saved.find(place);
    if (found != saved.end()) found->second.killed |= 1U << TIERCEL_CAUSE_REPLACED;
    KillDependents(place);
    KillSaved([place](int other, const Entry& entry) { return IfDependent(place, other, entry); });
  }
  void KillDependents(int place) {
    Kill([place](int other, const Entry& entry) { return IfDependent(place, other, entry); });
  }
  static uint32_t IfDependent(int place, int other, const Entry& entry) {
    const bool depends = NamespaceOf(other) == NamespaceOf(place) && (entry.names.keys & Bit(place)) != 0;
    return depends ? 1U << TIERCEL_CAUSE_DEPENDENCY : 0;
  }

  void Clear(int ns) {
    for (auto& [handle, load] : loads) {
      load.overtaken |= Covers(ns, load.place);
      load.scopes_untouched = false;
    }
    KillAll([ns](int place, const Entry&) { return Covers(ns, place) ? 1U << TIERCEL_CAUSE_CLEAR : 0; });
  }

  void InvalidateTags(int ns, uint32_t tags) {
    if (tags == 0) return;
    for (auto& [handle, load] : loads) {
      if (NamespaceOf(load.place) == ns) load.TagsInvalidated(tags);
      load.scopes_untouched = false;
    }
    KillAll([ns, tags](int place, const Entry& entry) {
      if (NamespaceOf(place) != ns) return 0U;
      const uint32_t inherited = entry.names.tags & ~entry.names.own_tags;
      return ((entry.names.own_tags & tags) != 0 ? 1U << TIERCEL_CAUSE_TAG : 0) |
             ((inherited & tags) != 0 ? 1U << TIERCEL_CAUSE_DEPENDENCY : 0);
    });
  }

  // By prefix or pattern: `keys` are those that match.
  void InvalidateKeys(int ns, uint32_t keys) {
    for (auto& [handle, load] : loads) {
      load.scopes_untouched = false;
      load.doubt |= ++load.covers > 8 && !tells_apart;
      if (NamespaceOf(load.place) != ns) continue;
      load.overtaken |= (Bit(load.place) & keys) != 0;
      for (uint32_t bit = 1; bit < 1U << kKeys; bit <<= 1) {
        if ((keys & bit) != 0) load.KeyChanged(bit);
      }
    }
    KillAll([ns, keys](int place, const Entry& entry) {
      const bool matches = NamespaceOf(place) == ns && ((Bit(place) | entry.names.keys) & keys) != 0;
      return matches ? 1U << TIERCEL_CAUSE_PATTERN : 0;
    });
  }

  void Stir() {
    for (auto& [handle, load] : loads) load.stirred = true;
  }

  // ---- Loads

  void Begin(double handle, int place) {
    Load& load = loads[handle];
    load.place = place;
    for (const auto& [other, entry] : entries) {
      if (NamespaceOf(other) != NamespaceOf(place) || entry.killed != 0) continue;
      load.basis[static_cast<size_t>(other % kKeys)] = entry.names;
    }
    // What was invalidated before and is not reclaimed yet may count as invalidated now.
    for (const auto& [other, entry] : entries) load.stirred |= entry.killed != 0;
  }

  // The handle of the load that a caller joins, or 0.
  double Joinable(int place) const {
    for (const auto& [handle, load] : loads) {
      if (load.place == place && !load.IsOvertaken(0, 0)) return handle;
    }
    return 0;
  }

  // ---- Accounting, as tiercel_cache_open says

  double Cost(int place, const Entry& entry) const {
    const uint32_t key = KeyText(place % kKeys).canonical().size() + (NamespaceOf(place) != 0 ? 4 : 0);
    const uint32_t links = static_cast<uint32_t>(NamespaceOf(place)) + entry.names.count();
    return 80.0 + entry.size + (values_as_bytes ? 16 : 0) + (key > 32 ? key + 16 : 0) +
           (entry.extra || links != 0 ? 12 : 0) + 24.0 * links;
  }

  struct Totals {
    double entries = 0;
    double bytes = 0;
  };
  template <typename Counts>
  Totals Sum(Counts counts) const {
    Totals totals;
    for (const auto& [place, entry] : entries) {
      if (!counts(place, entry)) continue;
      totals.entries++;
      totals.bytes += Cost(place, entry);
    }
    return totals;
  }
  Totals All() const {
    return Sum([](int, const Entry&) { return true; });
  }
  // Of what is pinned, but for one place.
  Totals Pinned(int except = -1) const {
    return Sum([except](int place, const Entry& entry) { return entry.pinned && place != except; });
  }
  double Count(int ns) const {
    return Sum([ns](int place, const Entry&) { return Covers(ns, place); }).entries;
  }

  bool IsUsed(int ns) const {
    if (Count(ns) != 0) return true;
    for (const auto& [handle, load] : loads) {
      if (Covers(ns, load.place)) return true;
    }
    return false;
  }

  bool values_as_bytes = false;
  // Whether the cache, which remembers eight prefixes and patterns, tells apart which loads a ninth one
  // concerns.
  bool tells_apart = true;
  uint32_t operation = 0;        // The number of the one under way.
  std::map<int, Entry> entries;  // By place. Until the cache says that they left.
  std::map<int, Entry> saved;    // The snapshot; `killed` if they must not be restored.
  std::map<double, Load> loads;  // In flight, by handle.

 private:
  double now_ = 0;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_MODEL_H_
