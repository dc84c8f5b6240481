// The caller of a cache in a trial: it makes the calls, keeps the model beside them, and checks what every
// call has in common: values served, removals logged, totals, statistics.
//
// What the cache holds is known exactly where it logs each removal: watched, or in reference mode. In an
// unwatched cache in bytes mode, and once an event was lost for lack of memory, the model's entries are those
// that may be there.
#ifndef TIERCEL_TESTS_CORE_WITNESS_H_
#define TIERCEL_TESTS_CORE_WITNESS_H_

#include <array>
#include <map>
#include <optional>
#include <string>

#include "engine.h"
#include "memory.h"
#include "model.h"
#include "per_call.h"
#include "sequence.h"

namespace tiercel::test {

class Witness {
 public:
  Witness(const Setup& setup, Engine& under_test);
  ~Witness() { PerCall() = Limits(); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // Closes the cache, which makes its handles bad, and opens another like it.
  void Reopen();

  // ---- Inputs

  // Begins an operation: what is removed until the next is judged by it.
  void Begin(const Op& op);
  void Advance(double by);
  // Makes the next Call run out of memory.
  void Arm(const Op& op);

  double root() const { return handles_[0]; }
  // The time to pass to a call, which sees it.
  double Now() {
    const double now = clock_ + skew_;
    model.See(now);
    return now;
  }
  static Text Key(const Op& op);
  // The handle of a namespace, asked for anew.
  double Handle(int ns);
  // A value for a place that is unlike all before.
  Stored NewValue(const Op& op, int place);

  // Whether invalidated entries and excess may stay behind for later calls.
  bool defers() const { return setup_.slice != 0; }
  bool faulted() const { return faulted_; }

  // Makes the one call that an operation is about.
  template <typename F>
  auto Call(F call) {
    SetFaults();
    const auto result = call();
    Called(static_cast<double>(result));
    return result;
  }

  // Whether it was not done for lack of memory; then nothing may have changed but what was evicted.
  bool RanOut();

  // ---- What is there

  // Compares an entry that a call just returned.
  void CheckServed(int place, const Model::Entry& entry, int32_t slot);
  // Compares the result of a read with the entry that the model has for it, nullptr if none.
  void CheckFound(int place, const Model::Entry* entry, int32_t slot);
  // Reads every place without counting.
  void CheckContents();
  // Makes sure that the model's entries are those of the cache, where what happens next depends on it.
  void Ascertain() {
    if (!exact) CheckContents();
  }
  // The entry that a value makes, but for its slot.
  Model::Entry Incoming(const Op& op, int place, const Stored& stored) const;
  // What the caller kept for an entry in reference mode, or the entry itself has.
  std::string ValueAt(int place) const;
  // Takes an entry that was just restored to the model. Returns its place.
  int CheckRestored(int32_t slot);
  // Whether an entry has room beside what is pinned.
  bool Fits(int place, const Model::Entry& entry) const;
  // The same of one that is there already: whatever the number of entries.
  bool FitsGrown(int place, const Model::Entry& entry) const {
    return max_bytes == 0 || model.Pinned(place).bytes + model.Cost(place, entry) <= max_bytes;
  }
  // Takes the result of storing a value to the model.
  void CheckStored(int place, const Model::Entry& entry, int32_t result);
  // What `invalidate` does to the model is what a call did that said it took `count` entries.
  template <typename Invalidate>
  void CheckInvalidated(double count, Invalidate invalidate) {
    const double before = Servable();
    invalidate();
    CheckCount(count, before - Servable());
    Drain();
    if (!defers()) CheckReclaimed("all that is invalidated is removed");
  }
  // Nothing is left of what was invalidated.
  void CheckReclaimed(const char* rule);

  // An entry must have left by now, as the log says if there is one.
  void Lost(int place, const char* rule);
  // Takes the log to the model.
  void Drain();
  // After a call that writes the totals, once the model has all that it did.
  void Settle();
  void CheckStats();
  // After calls that may have left out some value or other for lack of room.
  void SeeRejected();
  // New bounds.
  void Resized(double max_entries, double max_bytes);

  Engine& engine;
  Model model;
  bool exact = true;  // The model's entries are those of the cache.
  double max_entries = 0;
  double max_bytes = 0;
  bool over = false;                      // The bounds were lowered, and it is not down to them yet.
  std::array<double, kLoads> loads = {};  // The handle last put into each register.

  struct Counted {
    double hits = 0;
    double stale_hits = 0;
    double misses = 0;
    double sets = 0;
    double rejected = 0;
    double loads = 0;
    double overtaken = 0;
  };
  Counted counted;

 private:
  struct Held {
    int place = 0;
    uint32_t version = 0;
  };

  // A value that tells which it is: version, place and size, then bytes that depend on all three.
  static std::string ValueOf(uint32_t version, int place, uint32_t size);

  void Open();
  void SetFaults();
  void Called(double result);
  bool IsUsed(int ns) const;
  double Servable() const;
  bool Exceeds(const Model::Totals& totals) const;
  void CheckBounds();
  void CheckNextDue() const;
  void CheckValue(int place, const Model::Entry& entry, int32_t slot);
  void CheckCount(double count, double servable) const;
  void Put(int place, Model::Entry entry, int32_t slot);
  void Gone(int place);
  bool IsCause(TiercelCause cause, int place, const Model::Entry& entry) const;
  bool IsPushedOut(int place, const Model::Entry& entry) const;
  int PlaceOfRemoval(const Removal& removal) const;
  void CheckRemoval(const Removal& removal, int place, const Model::Entry& entry);
  void SeeLostEvents();

  const Setup setup_;
  std::array<double, kNamespaces> handles_ = {};
  std::map<int32_t, Held> held_;  // The values that a caller in reference mode keeps, by slot.

  // Of the operation under way.
  Op op_;
  int stored_place_ = -1;
  std::optional<uint32_t> replaced_birth_;
  double result_ = 0;
  Model::Totals totals_;
  double next_due_ = 0;

  double clock_ = 1000;
  double skew_ = 0;
  double next_skew_ = 0;
  uint32_t versions_ = 0;
  uint32_t births_ = 0;
  uint32_t settled_ = 0;
  std::array<double, TIERCEL_CAUSE_DEPENDENCY + 1> removed_ = {};  // By cause; watched caches only.

  std::optional<Op> armed_;
  bool faulted_ = false;
  double lost_events_ = 0;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_WITNESS_H_
