// Sums: bounds, counts, what is due, and the statistics.
#include <cmath>

#include "document.h"
#include "rules.h"
#include "witness.h"

namespace tiercel::test {

namespace {

// In the order of TiercelCause.
constexpr const char* kCauses[] = {"explicit", "replaced", "expired", "size",
                                   "tag",      "clear",    "pattern", "dependency"};

}  // namespace

double Witness::Servable() const {
  double servable = 0;
  for (const auto& [place, entry] : model.entries) servable += model.IsServable(entry) ? 1 : 0;
  return servable;
}

bool Witness::Exceeds(const Model::Totals& totals) const {
  return (max_entries != 0 && totals.entries > max_entries) || (max_bytes != 0 && totals.bytes > max_bytes);
}

bool Witness::Fits(int place, const Model::Entry& entry) const {
  const Model::Totals pinned = model.Pinned(place);
  return !Exceeds({pinned.entries + 1, pinned.bytes + model.Cost(place, entry)});
}

void Witness::CheckCount(double count, double servable) const {
  if (defers()) {
    Expect(!exact || count >= servable, "an invalidation counts no less than it takes");
  } else if (exact) {
    Same(count, servable, "an invalidation counts what it removes");
  } else {
    Expect(count >= 0 && count <= servable, "an invalidation counts what it removes");
  }
}

void Witness::Settle() {
  Drain();
  CheckBounds();
  if (exact) {
    const Model::Totals all = model.All();
    Same(totals_.entries, all.entries, "entries are what was added less what was removed");
    Same(totals_.bytes, all.bytes, "bytes are the sum of all entries");
    CheckNextDue();
  } else {
    AtMost(totals_.entries, static_cast<double>(model.entries.size()),
           "there are no more entries than were stored");
  }
  if (++settled_ % 16 == 0) CheckStats();
}

void Witness::CheckBounds() {
  const bool may_be_over = defers() && (over || op_.kind == Kind::kResize);
  over = Exceeds(totals_) && (!exact || totals_.entries > model.Pinned().entries);
  Expect(!over || !exact || may_be_over, "only what is pinned may be over a bound");
}

void Witness::CheckNextDue() const {
  double due = over ? model.now() : kForever;
  for (const auto& [place, entry] : model.entries) {
    due = std::fmin(due, entry.killed != 0 ? model.now() : std::fmax(entry.served_until, model.now()));
  }
  AtMost(std::fmax(next_due_, model.now()), due, "what is to be reclaimed is due");
  const bool is_timed =
      model.Sum([](int, const Model::Entry& e) { return e.served_until < kForever; }).entries != 0;
  if (!is_timed && !defers()) Same(next_due_, kForever, "nothing is due if nothing expires");
}

void Witness::CheckStats() {
  const Document stats(engine.Stats(root()));
  const Document removals = stats.Object("removals");
  Same(stats.Number("adds") - removals.Sum(), stats.Number("entries"), "adds less removals are the entries");
  Same(stats.Number("maxEntries"), max_entries, "maxEntries is what was asked for");
  Same(stats.Number("maxBytes"), max_bytes, "maxBytes is what was asked for");
  Same(stats.Number("hits"), counted.hits, "hits are counted");
  Same(stats.Number("staleHits"), counted.stale_hits, "stale hits are counted");
  Same(stats.Number("misses"), counted.misses, "misses are counted");
  Same(stats.Number("sets"), counted.sets, "values stored are counted");
  Same(stats.Number("rejected"), counted.rejected, "values rejected are counted");
  Same(stats.Number("loads"), counted.loads, "loads are counted");
  Same(stats.Number("overtaken"), counted.overtaken, "overtaken loads are counted");
  Same(stats.Number("loading"), static_cast<double>(model.loads.size()), "loads in flight are counted");
  if (!exact) return;
  Same(stats.Number("entries"), static_cast<double>(model.entries.size()), "entries are counted");
  Same(stats.Number("bytes"), model.All().bytes, "bytes are counted");
  Same(stats.Number("pinned"), model.Pinned().entries, "pinned entries are counted");
  if (!setup_.watched) return;
  for (size_t cause = 0; cause < removed_.size(); cause++) {
    Same(removals.Number(kCauses[cause]), removed_[cause], "removals are counted by cause");
  }
}

void Witness::Resized(double new_entries, double new_bytes) {
  max_entries = new_entries;
  max_bytes = new_bytes;
  Settle();
}

void Witness::SeeRejected() {
  const double rejected = Document(engine.Stats(root())).Number("rejected");
  Expect(rejected >= counted.rejected, "values rejected are counted");
  counted.rejected = rejected;
}

}  // namespace tiercel::test
