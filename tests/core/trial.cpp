#include "trial.h"

#include <map>
#include <set>

#include "model.h"
#include "rules.h"
#include "witness.h"

namespace tiercel::test {
namespace {

class Trial {
 public:
  Trial(const Setup& setup, Engine& engine) : w_(setup, engine) {}

  void Step(const Op& op) {
    w_.Begin(op);
    switch (op.kind) {
      case Kind::kGet:
        return Get(op);
      case Kind::kSet:
        return Set(op);
      case Kind::kDelete:
        return Delete(op);
      case Kind::kTouch:
        return Touch(op);
      case Kind::kClear:
        return Clear(op);
      case Kind::kInvalidate:
        return Invalidate(op);
      case Kind::kLoadBegin:
        return LoadBegin(op);
      case Kind::kLoadTags:
        return LoadTags(op);
      case Kind::kLoadCommit:
        return LoadCommit(op);
      case Kind::kLoadEnd:
        return LoadEnd(op);
      case Kind::kAdvance:
        return w_.Advance(op.time);
      case Kind::kResize:
        return Resize(op);
      case Kind::kIterate:
        return Iterate(op);
      case Kind::kNext:
        return Next(op);
      case Kind::kSeed:
        return Seed(op);
      case Kind::kFault:
        return w_.Arm(op);
      case Kind::kReopen:
        return Reopen();
    }
  }

  void End() {
    w_.Begin(Op());
    w_.CheckContents();
    w_.CheckStats();
    for (const auto& [handle, load] : w_.model.loads) {
      Same(engine().LoadEnd(handle), TIERCEL_OK, "a load can be ended");
    }
    w_.model.loads.clear();
    w_.CheckStats();
    w_.Reopen();
  }

 private:
  struct Iteration {
    bool active = false;
    int ns = 0;
    double token = 0;
    int32_t slot = -1;
    std::set<int> met;
    std::map<int, uint32_t> births;    // Of all entries that were there when it began, by place.
    std::map<int, uint32_t> servable;  // Versions of those that could be served.
  };

  Engine& engine() { return w_.engine; }
  Model& model() { return w_.model; }
  double Handle(const Op& op) { return w_.Handle(NamespaceOf(op.place)); }

  void Get(const Op& op) {
    const double ns = Handle(op);
    const int32_t slot = w_.Call([&] { return engine().Get(ns, Witness::Key(op), w_.Now(), op.flags); });
    if (op.as_utf16 && w_.RanOut()) return;  // No memory to narrow the key.
    if ((op.flags & TIERCEL_GET_PEEK) == 0) {
      if (slot < 0) {
        w_.counted.misses++;
      } else {
        (engine().Register(TIERCEL_R_IS_STALE) != 0 ? w_.counted.stale_hits : w_.counted.hits)++;
      }
    }
    w_.CheckFound(op.place, model().Find(op.place, (op.flags & TIERCEL_GET_STALE) != 0), slot);
    if (slot < 0) w_.Settle();
  }

  void Set(const Op& op) {
    const double ns = Handle(op);
    const Stored stored = w_.NewValue(op, op.place);
    const int32_t result = w_.Call([&] { return engine().Set(ns, Witness::Key(op), stored, w_.Now()); });
    if (w_.RanOut()) return;
    w_.CheckStored(op, op.place, stored, result);
    model().OvertakeKey(op.place);
    w_.Settle();
    if (result < 0) return;
    const int32_t slot = engine().Get(ns, Witness::Key(op), w_.Now(), TIERCEL_GET_PEEK);
    Same(slot, result, "what was set is read");
    w_.CheckServed(op.place, model().entries[op.place], slot);
  }

  void Delete(const Op& op) {
    const double ns = Handle(op);
    const int32_t result = w_.Call([&] { return engine().Delete(ns, Witness::Key(op), w_.Now()); });
    if (w_.RanOut()) return;
    const bool was_there = model().Find(op.place, true) != nullptr;
    Expect(result == (was_there ? 1 : 0) || (result == 0 && !w_.exact),
           "a delete tells whether it took anything");
    w_.Drain();
    if (model().entries.count(op.place) != 0) w_.Lost(op.place, "what is deleted is removed");
    model().OvertakeKey(op.place);
    w_.Settle();
  }

  void Touch(const Op& op) {
    const double ns = Handle(op);
    const int32_t slot = w_.Call([&] { return engine().Touch(ns, Witness::Key(op), op.ttl, w_.Now()); });
    if (w_.RanOut()) return;
    const Model::Entry* entry = model().Find(op.place, true);
    if (slot >= 0) {
      Expect(entry != nullptr, "only what may be served can be touched");
      Model::Entry& touched = model().entries[op.place];
      Same(slot, touched.slot, "a touched entry keeps its slot");
      Model::Expire(&touched, model().now(), op.ttl);
    } else {
      Same(slot, TIERCEL_MISS, "a touch hits or misses");
      if (entry != nullptr) w_.Lost(op.place, "what may be served can be touched");
    }
    w_.Settle();
  }

  void Clear(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    if (w_.exact) Same(engine().Size(handle), model().Count(ns), "the size of a namespace is what it holds");
    const double count = w_.Call([&] { return engine().Clear(handle, w_.Now()); });
    if (w_.RanOut()) return;
    w_.CheckInvalidated(count, [&](int place, const Model::Entry&) { return Model::Covers(ns, place); });
    model().ClearLoads(ns);
    w_.Settle();
    Same(engine().Size(handle), 0.0, "a cleared namespace is empty");
  }

  void Invalidate(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    const double count = w_.Call([&] { return engine().Invalidate(handle, TagTexts(op.tags), w_.Now()); });
    if (w_.RanOut()) return;
    w_.CheckInvalidated(count, [&](int place, const Model::Entry& entry) {
      return NamespaceOf(place) == ns && (entry.tags & op.tags) != 0;
    });
    if (op.tags != 0) model().InvalidateLoads(ns, op.tags);
    w_.Settle();
  }

  // ---- Loads

  void LoadBegin(const Op& op) {
    const double ns = Handle(op);
    const double handle = w_.Call([&] { return engine().LoadBegin(ns, Witness::Key(op)); });
    if (w_.RanOut()) return;
    Expect(handle > 0, "a load begins");
    const double joined = model().Joinable(op.place);
    Same(engine().Register(TIERCEL_R_JOINED), joined != 0 ? 1 : 0,
         "a load in flight that nothing overtook is joined");
    if (joined != 0) {
      Same(handle, joined, "who joins a load gets its handle");
    } else {
      Expect(model().loads.count(handle) == 0, "each load has a handle of its own");
      model().loads[handle].place = op.place;
      w_.counted.loads++;
    }
    Same(engine().Register(TIERCEL_R_UNTOUCHED), model().loads[handle].scopes_untouched ? 1 : 0,
         "a load knows whether more than keys was invalidated since it began");
    w_.loads[static_cast<size_t>(op.load)] = handle;
  }

  void LoadTags(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const auto found = model().loads.find(handle);
    const int32_t result = w_.Call([&] { return engine().LoadTags(handle, TagTexts(op.tags)); });
    if (w_.RanOut()) return;
    Same(result, found == model().loads.end() ? TIERCEL_BAD_HANDLE : TIERCEL_OK,
         "a load in flight takes tags");
    if (found != model().loads.end()) found->second.noted_tags |= op.tags;
  }

  void LoadCommit(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const auto found = model().loads.find(handle);
    if (found == model().loads.end()) {
      Same(engine().LoadCommit(handle, Stored(), 0, op.store), TIERCEL_BAD_HANDLE, "a load ends once");
      return;
    }
    const Model::Load load = found->second;
    w_.Handle(NamespaceOf(load.place));
    const Stored stored = w_.NewValue(op, load.place);
    const int32_t result = w_.Call([&] { return engine().LoadCommit(handle, stored, w_.Now(), op.store); });
    if (w_.RanOut()) return;
    model().loads.erase(handle);
    if (Model::IsOvertaken(load, op.tags)) {
      Same(result, TIERCEL_OVERTAKEN, "a load that something overtook is not stored");
      w_.counted.overtaken++;
    } else if (!op.store) {
      Same(result, TIERCEL_OK, "a load that nothing overtook may be stored");
    } else {
      w_.CheckStored(op, load.place, stored, result);
    }
    w_.Settle();
  }

  void LoadEnd(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const bool is_open = model().loads.erase(handle) != 0;
    const int32_t result = w_.Call([&] { return engine().LoadEnd(handle); });
    Same(result, is_open ? TIERCEL_OK : TIERCEL_BAD_HANDLE, "a load ends once");
  }

  // ---- Iteration

  // Checks the entry that an iteration came to. Returns its place.
  int Meet(int ns, int32_t slot) {
    const Text key = engine().Key();
    int place = PlaceOf(ns, 0);
    while (place < PlaceOf(ns + 1, 0) && KeyText(place % kKeys).units() != key.units()) place++;
    Expect(place < PlaceOf(ns + 1, 0), "an iteration meets keys that were set");
    const Model::Entry* entry = model().Find(place, true);
    Expect(entry != nullptr, "an iteration meets what may be served");
    w_.CheckServed(place, *entry, slot);
    return place;
  }

  void Iterate(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    const double token = engine().Iterate(handle);
    std::set<int> met;
    int32_t slot = -1;
    while ((slot = engine().Next(handle, slot, token, w_.Now())) >= 0) {
      Expect(met.insert(Meet(ns, slot)).second, "an iteration meets no entry twice");
    }
    Same(slot, TIERCEL_MISS, "an iteration ends");
    if (!w_.exact) return;
    for (int place = PlaceOf(ns, 0); place < PlaceOf(ns + 1, 0); place++) {
      if (model().Find(place, true) != nullptr) Same(met.count(place), 1U, "an iteration meets every entry");
    }
  }

  // One step of an iteration that goes on between the other operations.
  void Next(const Op& op) {
    if (!iteration_.active) return BeginIteration(NamespaceOf(op.place));
    Iteration& it = iteration_;
    it.slot = engine().Next(w_.Handle(it.ns), it.slot, it.token, w_.Now());
    if (it.slot < 0) return EndIteration();
    const int place = Meet(it.ns, it.slot);
    Expect(it.met.insert(place).second, "an iteration meets no entry twice");
    if (!w_.exact) return;
    const auto found = it.births.find(place);
    Expect(found != it.births.end() && found->second == model().entries[place].birth,
           "an iteration meets what was there when it began");
  }

  void BeginIteration(int ns) {
    iteration_ = Iteration();
    iteration_.active = true;
    iteration_.ns = ns;
    iteration_.token = engine().Iterate(w_.Handle(ns));
    for (int place = PlaceOf(ns, 0); place < PlaceOf(ns + 1, 0); place++) {
      const auto found = model().entries.find(place);
      if (found == model().entries.end()) continue;
      iteration_.births[place] = found->second.birth;
      if (model().IsServable(found->second)) iteration_.servable[place] = found->second.version;
    }
  }

  void EndIteration() {
    iteration_.active = false;
    if (!w_.exact) return;
    for (const auto& [place, version] : iteration_.servable) {
      const Model::Entry* entry = model().Find(place, true);
      if (entry == nullptr || entry->version != version) continue;
      Same(iteration_.met.count(place), 1U, "an iteration meets what stays throughout");
    }
  }

  // ---- The cache as a whole

  void Resize(const Op& op) {
    const double entries = op.entries < 0 ? w_.max_entries : op.entries;
    const double bytes = op.bytes < 0 ? w_.max_bytes : op.bytes;
    const int32_t result = w_.Call([&] { return engine().Resize(w_.root(), op.entries, op.bytes); });
    if (w_.RanOut()) return;
    if (entries == 0 && bytes == 0) {
      Same(result, TIERCEL_BAD_ARGUMENT, "one bound at least is required");
    } else {
      Same(result, TIERCEL_OK, "a cache can be resized");
      w_.Resized(entries, bytes);
    }
  }

  void Seed(const Op& op) {
    uint8_t seed[TIERCEL_SEED_BYTES];
    for (uint8_t& byte : seed) byte = static_cast<uint8_t>(op.place * 37 + (&byte - seed));
    const int32_t result = w_.Call([&] { return engine().Seed(w_.root(), seed); });
    if (w_.RanOut()) return;
    Same(result, TIERCEL_OK, "a cache can be seeded at any time");
    w_.CheckContents();
  }

  void Reopen() {
    w_.Reopen();
    iteration_ = Iteration();
  }

  Witness w_;
  Iteration iteration_;
};

}  // namespace

std::optional<std::string> Try(const Sequence& sequence, Engine& engine) {
  size_t at = 0;
  try {
    Trial trial(sequence.setup, engine);
    for (; at < sequence.ops.size(); at++) trial.Step(sequence.ops[at]);
    trial.End();
  } catch (const Violation& violation) {
    const std::string where = at < sequence.ops.size() ? Print(sequence.ops[at]) : "the end";
    return violation.what + "\n  at operation " + std::to_string(at) + ": " + where;
  }
  return std::nullopt;
}

}  // namespace tiercel::test
