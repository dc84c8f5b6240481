// What is there: the entries of the cache, read or stored, against those of the model.
#include <cstring>
#include <set>

#include "rules.h"
#include "witness.h"

namespace tiercel::test {

std::string Witness::ValueOf(uint32_t version, int place, uint32_t size) {
  const uint32_t head[] = {version, static_cast<uint32_t>(place), size};
  std::string value(reinterpret_cast<const char*>(head), sizeof(head));
  value.resize(size);
  for (uint32_t i = sizeof(head); i < size; i++) value[i] = static_cast<char>(version * 31 + i);
  return value;
}

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

}  // namespace tiercel::test
