// What has left, and why, by the log of the cache.
#include <cstring>

#include "document.h"
#include "rules.h"
#include "witness.h"

namespace tiercel::test {

// Whether an entry may have left for that cause in the operation under way. What is over already leaves
// because it is, whatever call takes it out.
bool Witness::IsCause(TiercelCause cause, int place, const Model::Entry& entry) const {
  if (((entry.killed | entry.doubt) >> cause & 1) != 0) return true;
  if (!model.IsInTime(entry)) return cause == TIERCEL_CAUSE_EXPIRED;
  if (entry.killed != 0 && entry.killed_at != model.operation) return false;
  switch (cause) {
    case TIERCEL_CAUSE_EXPLICIT:
      return op_.kind == Kind::kDelete && place == op_.place;
    case TIERCEL_CAUSE_REPLACED:
      return place == stored_place_ && (result_ >= 0 || result_ == kRejected);
    case TIERCEL_CAUSE_EXPIRED:
      return false;
    case TIERCEL_CAUSE_SIZE:
      return IsPushedOut(place, entry);
    case TIERCEL_CAUSE_TAG:
    case TIERCEL_CAUSE_CLEAR:
    case TIERCEL_CAUSE_PATTERN:
    case TIERCEL_CAUSE_DEPENDENCY:
      return false;
  }
  return false;
}

// Whether an entry may have left for room.
bool Witness::IsPushedOut(int place, const Model::Entry& entry) const {
  const bool grows = op_.kind == Kind::kTouch || op_.kind == Kind::kAddTags;
  if (entry.pinned) return grows && place == op_.place;  // It has no room itself.
  return over || stored_place_ >= 0 || grows || op_.kind == Kind::kResize || op_.kind == Kind::kRestore;
}

// The place that a removal is about: in bytes mode the value tells, else the slot.
int Witness::PlaceOfRemoval(const Removal& removal) const {
  if (!setup_.values_as_bytes) {
    const auto held = held_.find(removal.slot);
    Expect(held != held_.end(), "a removed slot was in use");
    return held->second.place;
  }
  uint32_t head[3] = {};
  Expect(removal.value.size() >= sizeof(head), "a removal has the value that was removed");
  std::memcpy(head, removal.value.data(), sizeof(head));
  return static_cast<int>(head[1]);
}

void Witness::CheckRemoval(const Removal& removal, int place, const Model::Entry& entry) {
  Expect(IsCause(removal.cause, place, entry), "an entry is removed for the right cause");
  removed_[removal.cause]++;
  if (!setup_.watched) return;
  Expect(removal.key.units() == KeyText(place % kKeys).units(), "a removal has the key of the entry");
  const int ns = NamespaceOf(place);
  const bool is_forgotten = ns != 0 && removal.ns == 0;
  if (!is_forgotten) Same(removal.ns, handles_[static_cast<size_t>(ns)], "a removal has its namespace");
  if (!setup_.values_as_bytes) return;
  Expect(removal.value == ValueOf(entry.version, place, entry.size),
         "a removal has the value that was removed");
  Same(removal.format, entry.format, "a removal has the format number of the value");
}

void Witness::Drain() {
  if (faulted_) SeeLostEvents();
  for (const Removal& removal : engine.Drain(root())) {
    Expect(setup_.watched || !setup_.values_as_bytes, "nothing is logged for nobody");
    const int place = PlaceOfRemoval(removal);
    const auto found = model.entries.find(place);
    Expect(found != model.entries.end(), "what is removed was there, and is removed once");
    CheckRemoval(removal, place, found->second);
    // A key whose value is replaced stays, even if the value was over.
    if (place == stored_place_ && removal.cause != TIERCEL_CAUSE_SIZE) replaced_birth_ = found->second.birth;
    Gone(place);
  }
}

void Witness::SeeLostEvents() {
  const double lost = Document(engine.Stats(root())).Number("lostEvents");
  if (lost != lost_events_) exact = false;
  lost_events_ = lost;
}

}  // namespace tiercel::test
