#include "witness.h"

#include <set>
#include <sstream>

#include "document.h"
#include "rules.h"

namespace tiercel::test {
namespace {

// In the order of TiercelCause.
constexpr const char* kCauses[] = {"explicit", "replaced", "expired", "size",
                                   "tag",      "clear",    "pattern", "dependency"};

// A value that tells which it is: version, place and size, then bytes that depend on all three.
std::string ValueOf(uint32_t version, int place, uint32_t size) {
  const uint32_t head[] = {version, static_cast<uint32_t>(place), size};
  std::string value(reinterpret_cast<const char*>(head), sizeof(head));
  value.resize(size);
  for (uint32_t i = sizeof(head); i < size; i++) value[i] = static_cast<char>(version * 31 + i);
  return value;
}

}  // namespace

// ---- Set-up and inputs

Witness::Witness(const Setup& setup, Engine& under_test) : engine(under_test), setup_(setup) {
  if (defers()) {
    const uint32_t slice = setup.slice == 1 ? 0 : 1;
    PerCall() = {.slice = slice, .shrink_slice = slice, .shrink_most = 1, .slice_most = 1};
    PerCall().walk = setup.slice == 3 ? Limits().walk : 0;
    PerCall().loads = setup.slice == 1 ? 0 : Limits().loads;
  }
  Open();
}

void Witness::Open() {
  max_entries = setup_.max_entries;
  max_bytes = setup_.max_bytes;
  std::ostringstream options;
  options << "{\"maxEntries\":" << max_entries << ",\"maxBytes\":" << max_bytes << ",\"policy\":\""
          << PolicyName(setup_)
          << "\",\"values\":" << (setup_.values_as_bytes ? "\"bytes\"}" : "\"reference\"}");
  handles_ = {engine.Open(options.str()), 0, 0};
  Expect(root() > 0, "a cache opens");
  if (setup_.watched) Same(engine.Watch(root(), true), TIERCEL_OK, "a cache can be watched");
  model = Model();
  model.values_as_bytes = setup_.values_as_bytes;
  model.tells_apart = PerCall().loads != 0;
  exact = setup_.watched || !setup_.values_as_bytes;
  loads = {};
  counted = {};
  removed_ = {};
  held_.clear();
  lost_events_ = 0;
  over = false;
  totals_ = {};
}

void Witness::Reopen() {
  Same(engine.Close(root()), TIERCEL_OK, "a cache can be closed");
  for (const double handle : handles_) {
    if (handle != 0)
      Same(engine.Size(handle), TIERCEL_BAD_HANDLE, "handles are bad after the cache is closed");
  }
  for (const auto& [handle, load] : model.loads) {
    Same(engine.LoadEnd(handle), TIERCEL_BAD_HANDLE, "loads are bad after the cache is closed");
  }
  Open();
}

void Witness::SeeRejected() {
  const double rejected = Document(engine.Stats(root())).Number("rejected");
  Expect(rejected >= counted.rejected, "values rejected are counted");
  counted.rejected = rejected;
}

void Witness::Begin(const Op& op) {
  op_ = op;
  model.operation++;
  if (!exact) model.Stir();
  stored_place_ = -1;
  replaced_birth_.reset();
  result_ = 0;
  skew_ = next_skew_;
  next_skew_ = 0;
}

void Witness::Advance(double by) { (by < 0 ? next_skew_ : clock_) += by; }

Text Witness::Key(const Op& op) {
  const Text& key = KeyText(op.place % kKeys);
  return op.as_utf16 ? Text(std::u16string_view(key.units())) : key;
}

bool Witness::IsUsed(int ns) const {
  if (exact) return model.IsUsed(ns);
  for (const auto& [handle, load] : model.loads) {
    if (Model::Covers(ns, load.place)) return true;
  }
  return false;
}

double Witness::Handle(int ns) {
  static const Text kParts[] = {"", "a", "b"};
  for (int i = 1; i <= ns; i++) {
    const auto at = static_cast<size_t>(i);
    const double handle = engine.Namespace(handles_[at - 1], kParts[i]);
    Expect(handle > 0, "a namespace has a handle");
    if (handles_[at] != 0 && IsUsed(i)) Same(handle, handles_[at], "a namespace in use keeps its handle");
    handles_[at] = handle;
  }
  return handles_[static_cast<size_t>(ns)];
}

Stored Witness::NewValue(const Op& op, int place) {
  stored_place_ = place;
  Stored stored;
  stored.value = ValueOf(++versions_, place, op.size);
  stored.format = versions_ % 8;
  stored.ttl = op.ttl;
  stored.stale = op.stale;
  stored.tags = TagTexts(op.tags);
  stored.depends_on = KeyTexts(op.keys);
  stored.pinned = op.pinned;
  return stored;
}

Model::Entry Witness::Incoming(const Op& op, int place, const Stored& stored) const {
  Model::Entry entry;
  entry.version = versions_;
  entry.size = op.size;
  entry.names = model.NamesOf(place, op.tags, op.keys);
  entry.format = stored.format;
  entry.pinned = op.pinned;
  entry.extra = op.ttl != 0 || op.stale != 0;
  return entry;
}

// ---- Calls and lack of memory

void Witness::Arm(const Op& op) { armed_ = op; }

void Witness::SetFaults() {
  faulted_ = armed_.has_value();
  if (!faulted_) return;
  Faults().fail_after = armed_->fail_after;
  Faults().and_after = armed_->and_after;
  armed_.reset();
}

void Witness::Called(double result) {
  Faults().fail_after = -1;
  Faults().and_after = false;
  result_ = result;
  totals_ = {engine.Register(TIERCEL_R_ENTRIES), engine.Register(TIERCEL_R_BYTES)};
  next_due_ = engine.Register(TIERCEL_R_NEXT_DUE);
}

bool Witness::RanOut() {
  if (result_ != kNoMemory) return false;
  Expect(faulted_, "there is memory");
  Drain();
  CheckContents();
  return true;
}

void Witness::SeeLostEvents() {
  const double lost = Document(engine.Stats(root())).Number("lostEvents");
  if (lost != lost_events_) exact = false;
  lost_events_ = lost;
}

// ---- What is there

void Witness::CheckServed(int place, const Model::Entry& entry, int32_t slot) {
  Same(engine.Register(TIERCEL_R_TTL), entry.fresh_until - model.now(), "the ttl is what is left of it");
  Same(engine.Register(TIERCEL_R_IS_STALE), model.IsFresh(entry) ? 0 : 1, "a stale entry is flagged");
  CheckValue(place, entry, slot);
  std::set<std::u16string> tags;
  for (const Text& tag : engine.Tags(root(), slot)) {
    Expect(tags.insert(tag.units()).second, "each tag is told once");
  }
  std::set<std::u16string> expected;
  for (const Text& tag : TagTexts(entry.names.own_tags)) expected.insert(tag.units());
  Expect(tags == expected, "an entry has the tags it was set with");
  if (!setup_.values_as_bytes) return;
  Same(engine.Value(root(), slot), TIERCEL_OK, "a slot has a value");
  CheckValue(place, entry, slot);
}

void Witness::CheckValue(int place, const Model::Entry& entry, int32_t slot) {
  if (setup_.values_as_bytes) {
    Expect(engine.ValueBytes() == ValueOf(entry.version, place, entry.size), "a hit is the last value set");
    Same(engine.Register(TIERCEL_R_FORMAT), entry.format, "a value keeps its format number");
    return;
  }
  const auto held = held_.find(slot);
  Expect(held != held_.end() && held->second.place == place, "a hit is the slot of its key");
  Same(held->second.version, entry.version, "a hit is the last value set");
}

void Witness::CheckFound(int place, const Model::Entry* entry, int32_t slot) {
  if (slot >= 0) {
    Expect(entry != nullptr, "a hit was stored, not invalidated and is in time");
    CheckServed(place, *entry, slot);
    model.entries[place].doubt = 0;
    return;
  }
  Same(slot, TIERCEL_MISS, "a read hits or misses");
  Drain();
  const auto left = model.entries.find(place);
  if (left == model.entries.end()) return;
  if (entry != nullptr) {
    Lost(place, "what was stored and not removed is found");
  } else if (!exact && !model.IsServable(left->second)) {
    Gone(place);
  }
}

void Witness::CheckContents() {
  for (int place = 0; place < kPlaces; place++) {
    const double ns = Handle(NamespaceOf(place));
    const int32_t slot = engine.Get(ns, KeyText(place % kKeys), Now(), TIERCEL_GET_PEEK | TIERCEL_GET_STALE);
    CheckFound(place, model.Find(place, true), slot);
  }
}

std::string Witness::ValueAt(int place) const {
  const Model::Entry& entry = model.entries.at(place);
  return ValueOf(entry.version, place, entry.size);
}

int Witness::CheckRestored(int32_t slot) {
  const std::string value = engine.ValueBytes();
  uint32_t head[3] = {};
  Expect(value.size() >= sizeof(head), "what is restored has its value");
  std::memcpy(head, value.data(), sizeof(head));
  const int place = static_cast<int>(head[1]);
  const auto found = model.saved.find(place);
  Expect(found != model.saved.end() && found->second.version == head[0], "what is restored was saved");
  Model::Entry entry = found->second;
  Expect(entry.killed == 0 && model.IsInTime(entry), "what is restored was not invalidated and is in time");
  Expect(value == ValueOf(entry.version, place, entry.size), "what is restored has its value");
  Same(engine.Register(TIERCEL_R_FORMAT), entry.format, "a value keeps its format number");
  stored_place_ = place;
  Drain();
  Expect(model.entries.count(place) == 0, "what is there already is not restored");
  const Model::Names now = model.NamesOf(place, entry.names.own_tags, entry.names.keys);
  entry.names.tags |= now.tags;
  entry.names.keys |= now.keys;
  entry.extra = entry.fresh_until < kForever || entry.stale != 0;
  Put(place, entry, slot);
  counted.sets++;
  return place;
}

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

void Witness::CheckReclaimed(const char* rule) {
  for (int place = 0; place < kPlaces; place++) {
    const auto found = model.entries.find(place);
    if (found != model.entries.end() && found->second.killed != 0) Lost(place, rule);
  }
}

void Witness::CheckStored(int place, const Model::Entry& entry, int32_t result) {
  const bool fits = Fits(place, entry);
  Drain();
  if (!fits) {
    Same(result, TIERCEL_REJECTED, "a value over the budget is rejected");
    if (model.entries.count(place) != 0) Lost(place, "the older entry of a rejected value is removed");
    counted.rejected++;
    return;
  }
  Expect(result >= 0, "a value that fits is stored");
  Put(place, entry, result);
  counted.sets++;
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

void Witness::Put(int place, Model::Entry entry, int32_t slot) {
  entry.birth = replaced_birth_.value_or(++births_);
  entry.slot = slot;
  const auto old = model.entries.find(place);
  if (old != model.entries.end()) {
    Expect(!exact || (!setup_.watched && old->second.slot == slot), "a replaced value is in the log");
    entry.birth = old->second.birth;
    held_.erase(old->second.slot);
  }
  const auto holder = held_.find(slot);
  if (holder != held_.end()) {
    // Not free at any time that the caller could see, so not in the log of an unwatched cache.
    Expect(!setup_.watched || !exact, "an evicted value is in the log");
    Gone(holder->second.place);
  }
  model.Put(place, entry);
  held_[slot] = {place, entry.version};
}

void Witness::Lost(int place, const char* rule) {
  Expect(!exact, rule);
  Gone(place);
}

void Witness::Gone(int place) {
  const auto found = model.entries.find(place);
  if (found == model.entries.end()) return;
  held_.erase(found->second.slot);
  model.entries.erase(found);
  model.Stir();
}

// ---- Removals

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

// ---- Totals

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

}  // namespace tiercel::test
