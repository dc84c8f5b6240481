// Iterations of a trial: whole ones, and one that goes on between the other operations.
#ifndef TIERCEL_TESTS_CORE_ITERATIONS_H_
#define TIERCEL_TESTS_CORE_ITERATIONS_H_

#include <cstdint>
#include <map>
#include <set>

#include "rules.h"
#include "witness.h"

namespace tiercel::test {

class Iterations {
 public:
  explicit Iterations(Witness* witness) : w_(*witness) {}

  // One from beginning to end.
  void All(int ns) {
    const double handle = w_.Handle(ns);
    const double token = w_.engine.Iterate(handle);
    std::set<int> met;
    int32_t slot = -1;
    while ((slot = w_.engine.Next(handle, slot, token, w_.Now())) >= 0) {
      Expect(met.insert(Meet(ns, slot)).second, "an iteration meets no entry twice");
    }
    Same(slot, TIERCEL_MISS, "an iteration ends");
    if (!w_.exact) return;
    for (int place = PlaceOf(ns, 0); place < PlaceOf(ns + 1, 0); place++) {
      if (w_.model.Find(place, true) != nullptr) Same(met.count(place), 1U, "an iteration meets every entry");
    }
  }

  // One step of an iteration that goes on between the other operations.
  void Step(int ns) {
    if (!iteration_.active) return Begin(ns);
    Iteration& it = iteration_;
    it.slot = w_.engine.Next(w_.Handle(it.ns), it.slot, it.token, w_.Now());
    if (it.slot < 0) return End();
    const int place = Meet(it.ns, it.slot);
    Expect(it.met.insert(place).second, "an iteration meets no entry twice");
    if (!w_.exact) return;
    const auto found = it.births.find(place);
    Expect(found != it.births.end() && found->second == w_.model.entries[place].birth,
           "an iteration meets what was there when it began");
  }

  void Forget() { iteration_ = Iteration(); }

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

  // Checks the entry that an iteration came to. Returns its place.
  int Meet(int ns, int32_t slot) {
    const Text key = w_.engine.Key();
    int place = PlaceOf(ns, 0);
    while (place < PlaceOf(ns + 1, 0) && KeyText(place % kKeys).units() != key.units()) place++;
    Expect(place < PlaceOf(ns + 1, 0), "an iteration meets keys that were set");
    const Model::Entry* entry = w_.model.Find(place, true);
    Expect(entry != nullptr, "an iteration meets what may be served");
    w_.CheckServed(place, *entry, slot);
    return place;
  }

  void Begin(int ns) {
    iteration_ = Iteration();
    iteration_.active = true;
    iteration_.ns = ns;
    iteration_.token = w_.engine.Iterate(w_.Handle(ns));
    for (int place = PlaceOf(ns, 0); place < PlaceOf(ns + 1, 0); place++) {
      const auto found = w_.model.entries.find(place);
      if (found == w_.model.entries.end()) continue;
      iteration_.births[place] = found->second.birth;
      if (w_.model.IsServable(found->second)) iteration_.servable[place] = found->second.version;
    }
  }

  void End() {
    iteration_.active = false;
    if (!w_.exact) return;
    for (const auto& [place, version] : iteration_.servable) {
      const Model::Entry* entry = w_.model.Find(place, true);
      if (entry == nullptr || entry->version != version) continue;
      // Evicted and restored it has its value again, but did not stay.
      if (entry->birth != iteration_.births[place]) continue;
      Same(iteration_.met.count(place), 1U, "an iteration meets what stays throughout");
    }
  }

  Witness& w_;
  Iteration iteration_;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_ITERATIONS_H_
