#ifndef TIERCEL_SRC_ENTRY_H_
#define TIERCEL_SRC_ENTRY_H_

#include <cstdint>

#include "key.h"
#include "slab.h"

namespace tiercel {

// Accounted for each entry beside its key and value, and for each scope it belongs to. The same on every
// platform, so that the same calls evict the same entries on each.
constexpr uint64_t kEntryCost = 96;
constexpr uint64_t kLinkCost = 24;

// One cached key. Invariant: live <=> in the index under `hash` and on the policy's list.
struct Entry {
  // The cache's sequence when the load of the value began, or when it was set. The entry may be served only
  // if this is newer than the stamp of every scope it belongs to.
  uint64_t sequence = 0;
  // The sequence when the key came in; kept when the value is replaced. Orders iteration.
  uint64_t birth = 0;
  double fresh_until = 0;    // Infinity: for ever.
  double stale = 0;          // Milliseconds after that in which it may still be served.
  uint64_t cost = 0;         // Bytes accounted for it.
  uint8_t* value = nullptr;  // Owned; bytes mode only.
  uint32_t value_bytes = 0;
  uint32_t format = 0;  // Of the value; the binding's own numbers.
  uint32_t hash = 0;
  uint32_t scope = 0;      // The namespace it is in.
  uint32_t links = kNone;  // First of its links, chained by Link::sibling.
  uint32_t prev = kNone;   // On the policy's list; `next` chains free slots too.
  uint32_t next = kNone;
  StoredText key;
  bool live = false;

  double served_until() const { return fresh_until + stale; }
};

using Entries = Slab<Entry>;

}  // namespace tiercel

#endif  // TIERCEL_SRC_ENTRY_H_
