#include "trial.h"

#include "glob_oracle.h"
#include "iterations.h"
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
      case Kind::kAddTags:
        return AddTags(op);
      case Kind::kClear:
        return Clear(op);
      case Kind::kInvalidate:
        return Invalidate(op);
      case Kind::kInvalidatePrefix:
      case Kind::kInvalidatePattern:
        return InvalidateKeys(op);
      case Kind::kSweep:
        return Sweep(op);
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
      case Kind::kSnapshot:
        return Snapshot();
      case Kind::kRestore:
        return Restore();
      case Kind::kIterate:
        return iterations_.All(NamespaceOf(op.place));
      case Kind::kNext:
        return iterations_.Step(NamespaceOf(op.place));
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
  Engine& engine() { return w_.engine; }
  Model& model() { return w_.model; }
  double Handle(const Op& op) { return w_.Handle(NamespaceOf(op.place)); }

  Model::Entry* Servable(int place) {
    const auto found = model().entries.find(place);
    return found != model().entries.end() && model().IsServable(found->second) ? &found->second : nullptr;
  }

  // Whether an entry came to count more, as `grown`; else it had no room and was removed.
  bool CheckGrown(int place, const Model::Entry& grown, int32_t result, TiercelStatus if_not) {
    const bool grows = model().Cost(place, grown) > model().Cost(place, model().entries[place]);
    const bool fits = !grows || w_.FitsGrown(place, grown);
    w_.Drain();
    if (fits) {
      Same(result, grown.slot, "an entry that grows keeps its slot");
      Expect(model().entries.count(place) != 0, "an entry that grows stays");
      return true;
    }
    Same(result, if_not, "an entry that has no room any more is removed");
    if (if_not == TIERCEL_REJECTED) w_.counted.rejected++;
    if (model().entries.count(place) != 0) w_.Lost(place, "an entry that has no room any more is removed");
    w_.Settle();
    return false;
  }

  void Get(const Op& op) {
    const double ns = Handle(op);
    const int32_t slot = w_.Call([&] { return engine().Get(ns, Witness::Key(op), w_.Now(), op.flags); });
    if (Witness::Key(op).encoding == TIERCEL_UTF16 && w_.RanOut()) return;  // No memory to narrow the key.
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
    w_.Ascertain();
    const double ns = Handle(op);
    const Stored stored = w_.NewValue(op, op.place);
    Model::Entry entry = w_.Incoming(op, op.place, stored);
    const int32_t result = w_.Call([&] { return engine().Set(ns, Witness::Key(op), stored, w_.Now()); });
    if (w_.RanOut()) return;
    Model::Expire(&entry, op.ttl == 0 ? kForever : model().now() + op.ttl, op.stale);
    model().Change(op.place);
    w_.CheckStored(op.place, entry, result);
    if (!w_.defers()) w_.CheckReclaimed("what depends on a key goes when it changes");
    w_.Settle();
    if (result < 0) return;
    const int32_t slot = engine().Get(ns, Witness::Key(op), w_.Now(), TIERCEL_GET_PEEK);
    Same(slot, result, "what was set is read");
    w_.CheckServed(op.place, model().entries[op.place], slot);
  }

  void Delete(const Op& op) {
    const double ns = Handle(op);
    const double result = w_.Call([&] { return engine().Delete(ns, Witness::Key(op), w_.Now()); });
    if (w_.RanOut()) return;
    const bool took = std::fmod(result, 2) == 1;
    const bool was_there = model().Find(op.place, true) != nullptr;
    Expect(took == was_there || (!took && !w_.exact), "a delete tells whether it took anything");
    w_.CheckInvalidated(std::floor(result / 2), [&] { model().Change(op.place); });
    if (model().entries.count(op.place) != 0) w_.Lost(op.place, "what is deleted is removed");
    w_.Settle();
  }

  void Touch(const Op& op) {
    const double ns = Handle(op);
    w_.Ascertain();
    const auto mode = static_cast<TiercelTouchMode>(op.mode);
    const int32_t slot =
        w_.Call([&] { return engine().Touch(ns, Witness::Key(op), op.ttl, w_.Now(), mode); });
    if (w_.RanOut()) return;
    if (mode == TIERCEL_TOUCH_EXPIRE) model().Overtake(op.place);
    Model::Entry* const entry = Servable(op.place);
    if (slot >= 0) Expect(entry != nullptr, "only what may be served can be touched");
    if (entry == nullptr) {
      Same(slot, TIERCEL_MISS, "a touch hits or misses");
      return w_.Settle();
    }
    Model::Entry touched = *entry;
    touched.extra |= mode == TIERCEL_TOUCH_RENEW ? op.ttl != 0 : mode == TIERCEL_TOUCH_EXPIRE;
    if (!CheckGrown(op.place, touched, slot, TIERCEL_MISS)) return;
    if (mode == TIERCEL_TOUCH_RENEW) {
      Model::Expire(&touched, op.ttl == 0 ? kForever : model().now() + op.ttl, touched.stale);
    } else if (mode == TIERCEL_TOUCH_EXTEND) {
      Model::Expire(&touched, touched.fresh_until + op.ttl, touched.stale);
    } else if (model().IsFresh(touched)) {
      Model::Expire(&touched, model().now(), touched.served_until - model().now());
    }
    model().entries[op.place] = touched;
    w_.Settle();
  }

  void AddTags(const Op& op) {
    const double ns = Handle(op);
    w_.Ascertain();
    const int32_t slot =
        w_.Call([&] { return engine().AddTags(ns, Witness::Key(op), TagTexts(op.tags), w_.Now()); });
    if (w_.RanOut()) return;
    Model::Entry* const entry = Servable(op.place);
    if (slot >= 0) Expect(entry != nullptr, "only what may be served gets tags");
    if (entry == nullptr) {
      Same(slot, TIERCEL_MISS, "what is not there gets no tags");
      return w_.Settle();
    }
    Model::Entry tagged = *entry;
    tagged.names.tags |= op.tags;
    tagged.names.own_tags |= op.tags;
    const bool has_more = tagged.names.tags != entry->names.tags;
    tagged.extra |= has_more;
    // They do not have the new tags.
    if (has_more && w_.FitsGrown(op.place, tagged)) model().KillDependents(op.place);
    if (!CheckGrown(op.place, tagged, slot, TIERCEL_REJECTED)) return;
    model().Put(op.place, tagged);
    w_.Settle();
  }

  void Clear(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    if (w_.exact) Same(engine().Size(handle), model().Count(ns), "the size of a namespace is what it holds");
    const double count = w_.Call([&] { return engine().Clear(handle, w_.Now()); });
    if (w_.RanOut()) return;
    w_.CheckInvalidated(count, [&] { model().Clear(ns); });
    w_.Settle();
    if (!w_.defers()) Same(engine().Size(handle), 0.0, "a cleared namespace is empty");
  }

  void Invalidate(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    const double count = w_.Call([&] { return engine().Invalidate(handle, TagTexts(op.tags), w_.Now()); });
    if (w_.RanOut()) return;
    w_.CheckInvalidated(count, [&] { model().InvalidateTags(ns, op.tags); });
    // Without memory to remember a tag the cache is careful with all loads.
    if (w_.faulted() && op.tags != 0) DoubtLoads();
    w_.Settle();
  }

  void InvalidateKeys(const Op& op) {
    const int ns = NamespaceOf(op.place);
    const double handle = w_.Handle(ns);
    const bool is_prefix = op.kind == Kind::kInvalidatePrefix;
    const double count = w_.Call([&] {
      return is_prefix ? engine().InvalidatePrefix(handle, op.text, w_.Now())
                       : engine().InvalidatePattern(handle, op.text, w_.Now());
    });
    if (w_.RanOut()) return;
    const std::u16string text = op.text.units();
    uint32_t keys = 0;
    for (int key = 0; key < kKeys; key++) {
      const std::u16string units = KeyText(key).units();
      const bool matches = is_prefix ? units.compare(0, text.size(), text) == 0 : OracleMatches(text, units);
      keys |= matches ? Model::Bit(key) : 0;
      if (!is_prefix)
        Same(engine().Match(handle, op.text, KeyText(key)), matches ? 1 : 0, "a pattern matches");
    }
    // Without memory to remember a pattern all of the namespace has to go.
    if (w_.faulted()) {
      DoubtLoads();
      for (auto& [place, entry] : model().entries) {
        if (Model::Covers(ns, place)) entry.doubt |= 1U << TIERCEL_CAUSE_CLEAR;
      }
    }
    w_.CheckInvalidated(count, [&] { model().InvalidateKeys(ns, keys); });
    if (w_.faulted())
      w_.CheckContents();
    else
      w_.Settle();
  }

  void DoubtLoads() {
    for (auto& [handle, load] : model().loads) load.doubt = true;
  }

  void Sweep(const Op& op) {
    const auto sweep = [&](uint32_t most) {
      const double before = model().All().entries;
      const int32_t removed = w_.Call([&] { return engine().Sweep(w_.root(), most, w_.Now()); });
      Expect(removed >= 0, "a sweep counts what it removes");
      w_.Drain();
      if (w_.exact) Same(before - model().All().entries, removed, "a sweep counts what it removes");
      w_.Settle();
    };
    if (op.most != 0) return sweep(op.most);
    for (int i = 0; i == 0 || engine().Register(TIERCEL_R_NEXT_DUE) <= model().now(); i++) {
      Expect(i < 2000, "sweeping comes to an end");
      sweep(1 + op.tags);
    }
    if (!w_.exact) return;
    w_.CheckReclaimed("what is dead is reclaimed by sweeping");
    Expect(!w_.over, "what is over a bound is evicted by sweeping");
    for (const auto& [place, entry] : model().entries)
      Expect(model().IsInTime(entry), "what has expired is reclaimed by sweeping");
  }

  // ---- Loads

  void LoadBegin(const Op& op) {
    w_.Ascertain();
    const double ns = Handle(op);
    const double handle = w_.Call([&] { return engine().LoadBegin(ns, Witness::Key(op)); });
    if (w_.RanOut()) return;
    Expect(handle > 0, "a load begins");
    double joined = model().Joinable(op.place);
    if (joined != 0 && engine().Register(TIERCEL_R_JOINED) == 0) {
      Expect(model().loads[joined].MayBeOvertaken(0), "a load in flight that nothing overtook is joined");
      model().loads[joined].overtaken = true;
      joined = 0;
    }
    Same(engine().Register(TIERCEL_R_JOINED), joined != 0 ? 1 : 0,
         "a load in flight that nothing overtook is joined");
    if (joined != 0) {
      Same(handle, joined, "who joins a load gets its handle");
    } else {
      Expect(model().loads.count(handle) == 0, "each load has a handle of its own");
      model().Begin(handle, op.place);
      w_.counted.loads++;
    }
    const Model::Load& load = model().loads[handle];
    const bool is_untouched = engine().Register(TIERCEL_R_UNTOUCHED) != 0;
    Expect(is_untouched == load.scopes_untouched || (!is_untouched && load.stirred) || load.doubt,
           "a load knows whether more than keys was invalidated since it began");
    w_.loads[static_cast<size_t>(op.load)] = handle;
  }

  void LoadTags(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const auto found = model().loads.find(handle);
    const int32_t result =
        w_.Call([&] { return engine().LoadTags(handle, TagTexts(op.tags), KeyTexts(op.keys)); });
    if (w_.RanOut()) return;
    Same(result, found == model().loads.end() ? TIERCEL_BAD_HANDLE : TIERCEL_OK,
         "a load in flight takes tags");
    if (found == model().loads.end()) return;
    found->second.noted_tags |= op.tags;
    found->second.noted_keys |= op.keys;
  }

  void LoadCommit(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const auto found = model().loads.find(handle);
    if (found == model().loads.end()) {
      Same(engine().LoadCommit(handle, Stored(), 0, op.store), TIERCEL_BAD_HANDLE, "a load ends once");
      return;
    }
    w_.Ascertain();
    const Model::Load load = found->second;
    w_.Handle(NamespaceOf(load.place));
    const Stored stored = w_.NewValue(op, load.place);
    Model::Entry entry = w_.Incoming(op, load.place, stored);
    const auto old = model().entries.find(load.place);
    const bool was_there = old != model().entries.end();
    const int32_t result = w_.Call([&] { return engine().LoadCommit(handle, stored, w_.Now(), op.store); });
    if (w_.RanOut()) return;
    model().loads.erase(handle);
    if (load.IsOvertaken(op.tags, op.keys)) {
      Same(result, TIERCEL_OVERTAKEN, "a load that something overtook is not stored");
    }
    if (result == TIERCEL_OVERTAKEN) {
      Expect(load.IsOvertaken(op.tags, op.keys) || load.MayBeOvertaken(op.keys),
             "a load that nothing overtook may be stored");
      w_.counted.overtaken++;
    } else if (!op.store) {
      Same(result, TIERCEL_OK, "a load that nothing overtook may be stored");
    } else {
      Model::Expire(&entry, op.ttl == 0 ? kForever : model().now() + op.ttl, op.stale);
      // A copy of what the key has all the time is no change of it.
      const bool is_change = was_there && (old->second.killed != 0 || model().IsInTime(old->second));
      if (is_change) {
        model().Change(load.place);
      } else if (!stored.Names().empty()) {
        model().KillDependents(load.place);
      }
      w_.CheckStored(load.place, entry, result);
      if (!w_.defers()) w_.CheckReclaimed("what depends on a key goes when it changes");
    }
    w_.Settle();
  }

  void LoadEnd(const Op& op) {
    const double handle = w_.loads[static_cast<size_t>(op.load)];
    const bool is_open = model().loads.erase(handle) != 0;
    const int32_t result = w_.Call([&] { return engine().LoadEnd(handle); });
    Same(result, is_open ? TIERCEL_OK : TIERCEL_BAD_HANDLE, "a load ends once");
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

  void Snapshot() {
    w_.Ascertain();
    Same(engine().SnapshotBegin(w_.root(), 0, w_.Now()), TIERCEL_OK, "a snapshot begins");
    model().saved.clear();
    for (int32_t slot = -1; (slot = engine().SnapshotNext(w_.root(), slot, w_.Now())) >= 0;) {
      for (const auto& [place, entry] : model().entries) {
        if (entry.slot != slot || !model().IsServable(entry)) continue;
        model().saved[place] = entry;
        if (engine().Value(w_.root(), slot) == TIERCEL_OK) break;
        Same(engine().SnapshotAdd(w_.root(), slot, w_.ValueAt(place), entry.format, w_.Now()), TIERCEL_OK,
             "a value is added to a snapshot");
      }
    }
    for (const auto& [place, entry] : model().entries)
      Same(model().saved.count(place) != 0, model().IsServable(entry),
           "a snapshot has all that may be served");
    snapshot_ = engine().SnapshotEnd(w_.root());
    Expect(!snapshot_.empty(), "a snapshot ends");
    Same(engine().SnapshotDrop(w_.root()), TIERCEL_OK, "a snapshot is dropped");
  }

  void Restore() {
    const int32_t begun = engine().RestoreBegin(w_.root(), snapshot_, 0, w_.Now());
    if (snapshot_.empty()) return Same(begun, TIERCEL_BAD_ARGUMENT, "only snapshots are restored");
    Same(begun, TIERCEL_OK, "a snapshot can be restored");
    for (int32_t slot = 0; slot != TIERCEL_MISS;) {
      w_.Ascertain();
      slot = w_.Call([&] { return engine().RestoreNext(w_.root(), w_.Now()); });
      if (w_.RanOut()) continue;
      if (slot >= 0) {
        w_.CheckRestored(slot);
      } else {
        Same(slot, TIERCEL_MISS, "restoring comes to an end");
      }
      w_.SeeRejected();
      w_.Settle();
    }
    Same(engine().SnapshotDrop(w_.root()), TIERCEL_OK, "a snapshot is dropped");
  }

  void Seed(const Op& op) {
    uint8_t seed[TIERCEL_SEED_BYTES];
    for (uint8_t& byte : seed) byte = static_cast<uint8_t>(op.place * 37 + (&byte - seed));
    const int32_t result = w_.Call([&] { return engine().Seed(w_.root(), seed); });
    if (w_.RanOut()) return;
    Same(result, TIERCEL_OK, "a cache can be seeded at any time");
    model().Stir();
    snapshot_.clear();  // To a snapshot it is another cache now.
    w_.CheckContents();
  }

  void Reopen() {
    w_.Reopen();
    iterations_.Forget();
    snapshot_.clear();
  }

  Witness w_;
  Iterations iterations_{&w_};
  std::string snapshot_;
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
