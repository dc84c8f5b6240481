#include "witness.h"

#include <sstream>

#include "rules.h"

namespace tiercel::test {

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

}  // namespace tiercel::test
