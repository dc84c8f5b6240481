#include "barriers.h"

#include <utility>

namespace tiercel {
namespace {

uint32_t UnitAt(const Text& text, uint32_t i) {
  if (!text.wide) return text.data[i];
  return text.data[size_t{2} * i] | (uint32_t{text.data[size_t{2} * i + 1]} << 8);
}

uint32_t UnitsOf(const Text& text) { return text.wide ? text.bytes / 2 : text.bytes; }

// Both may be of either width: a part of a wide string may be narrow.
bool StartsWith(const Text& text, const Text& prefix) {
  const uint32_t units = UnitsOf(prefix);
  if (units > UnitsOf(text)) return false;
  if (text.wide == prefix.wide) return EqualBytes(text.data, prefix.data, prefix.bytes);
  for (uint32_t i = 0; i < units; i++) {
    if (UnitAt(text, i) != UnitAt(prefix, i)) return false;
  }
  return true;
}

// Hashes a string unit by unit, so that one walk over a key gives the hashes of all its prefixes. A collision
// costs a comparison; there are few barriers to collide with, and only the owner of the cache makes them.
constexpr uint64_t kRollStart = 0x9e3779b97f4a7c15;
uint64_t Roll(uint64_t hash, uint32_t unit) { return (hash ^ unit) * 0xff51afd7ed558ccd + 1; }
uint32_t Rolled(uint64_t hash, uint32_t scope) {
  return static_cast<uint32_t>((hash ^ (hash >> 29) ^ scope) * 0xc4ceb9fe1a85ec53 >> 32);
}

constexpr uint32_t kSeparator = ':';

bool IsHashed(const Barriers::Cover& cover) {
  const uint32_t units = UnitsOf(cover.text);
  return cover.glob == nullptr && units != 0 && UnitAt(cover.text, units - 1) == kSeparator;
}

uint32_t HashOf(const Barriers::Cover& cover) {
  uint64_t hash = kRollStart;
  for (uint32_t u = 0; u < UnitsOf(cover.text); u++) hash = Roll(hash, UnitAt(cover.text, u));
  return Rolled(hash, cover.scope);
}

}  // namespace

Barriers::~Barriers() {
  for (uint32_t i = order_.head; i != kNone; i = barriers_[i].next) barriers_[i].text.Release();
  for (Glob* glob : globs_) tiercel::Delete(glob);
}

bool Barriers::Cover::Has(uint32_t key_scope, const Text& key) const {
  if (key_scope != scope) return false;
  return glob == nullptr ? StartsWith(key, text) : glob->Matches(key);
}

uint32_t Barriers::Find(const Cover& cover) const {
  const auto is_same = [&](uint32_t i) {
    const Barrier& barrier = barriers_[i];
    return barrier.scope == cover.scope && barrier.is_pattern == (cover.glob != nullptr) &&
           barrier.text.Equals(cover.text);
  };
  if (IsHashed(cover)) return hashed_.Find(HashOf(cover), is_same);
  for (uint32_t places = open_used_; places != 0; places &= places - 1) {
    const uint32_t i = open_[LowestBit(places)];
    if (is_same(i)) return i;
  }
  return kNone;
}

bool Barriers::IsFull(const Cover& cover) const {
  const bool is_full = IsHashed(cover) ? hashed_.size() >= kMostHashed : open_used_ == (1U << kMostOpen) - 1;
  return is_full && Find(cover) == kNone;
}

bool Barriers::Add(const Cover& cover, uint64_t stamp, const Rounds::Mark& swept) {
  uint32_t i = Find(cover);
  if (i != kNone) {
    order_.Remove(barriers_, i);
  } else {
    StoredText text;
    Glob* glob = cover.glob == nullptr ? nullptr : New<Glob>(*cover.glob);
    if ((cover.glob != nullptr && glob == nullptr) || !barriers_.Reserve() ||
        !hashed_.Reserve([this](uint32_t n) { return barriers_[n].hash; }) || !text.Assign(cover.text)) {
      tiercel::Delete(glob);
      return false;
    }
    i = barriers_.Take();
    Barrier& barrier = barriers_[i];
    barrier.text = text;
    barrier.scope = cover.scope;
    barrier.is_pattern = cover.glob != nullptr;
    if (IsHashed(cover)) {
      barrier.hash = HashOf(cover);
      hashed_.Insert(barrier.hash, i);
    } else {
      barrier.place = LowestBit(~open_used_);
      open_used_ |= 1U << barrier.place;
      open_[barrier.place] = i;
      std::swap(globs_[barrier.place], glob);
    }
  }
  barriers_[i].stamp = stamp;
  barriers_[i].swept = swept;
  order_.PushTail(barriers_, i);
  return true;
}

uint64_t Barriers::NewestFor(uint32_t scope, const Text& key, uint64_t sequence) const {
  uint64_t newest = 0;
  const auto see = [&](uint32_t i) {
    const Barrier& barrier = barriers_[i];
    if (barrier.stamp < sequence || barrier.stamp <= newest) return false;
    if (!CoverOf(i).Has(scope, key)) return false;
    newest = barrier.stamp;
    return true;
  };
  for (uint32_t places = open_used_; places != 0; places &= places - 1) (void)see(open_[LowestBit(places)]);
  if (hashed_.size() == 0) return newest;
  uint64_t hash = kRollStart;
  for (uint32_t u = 0; u < UnitsOf(key); u++) {
    const uint32_t unit = UnitAt(key, u);
    hash = Roll(hash, unit);
    if (unit != kSeparator) continue;
    (void)hashed_.Find(Rolled(hash, scope),
                       [&](uint32_t i) { return UnitsOf(barriers_[i].text.view()) == u + 1 && see(i); });
  }
  return newest;
}

void Barriers::Settle(const Rounds& rounds, uint64_t oldest_load) {
  // Each call of the cache adds one at most, so that two keep up.
  for (int i = 0; i < 2 && order_.head != kNone; i++) {
    const Barrier& oldest = barriers_[order_.head];
    if (!rounds.HasPassed(oldest.swept) || oldest.stamp >= oldest_load) return;
    Forget(order_.head);
  }
}

uint32_t Barriers::OldestLike(const Cover& cover) const {
  uint32_t oldest = kNone;
  if (IsHashed(cover)) {
    oldest = order_.head;
    while (barriers_[oldest].place != kNone) oldest = barriers_[oldest].next;
    return oldest;
  }
  for (uint32_t places = open_used_; places != 0; places &= places - 1) {
    const uint32_t i = open_[LowestBit(places)];
    if (oldest == kNone || barriers_[i].stamp < barriers_[oldest].stamp) oldest = i;
  }
  return oldest;
}

Barriers::Cover Barriers::CoverOf(uint32_t i) const {
  const Barrier& barrier = barriers_[i];
  return {barrier.scope, barrier.text.view(), barrier.is_pattern ? globs_[barrier.place] : nullptr};
}

void Barriers::Forget(uint32_t i) {
  Barrier& barrier = barriers_[i];
  if (barrier.place == kNone) {
    hashed_.Erase(barrier.hash, i);
  } else {
    open_used_ &= ~(1U << barrier.place);
    tiercel::Delete(globs_[barrier.place]);
    globs_[barrier.place] = nullptr;
  }
  order_.Remove(barriers_, i);
  barrier.text.Release();
  barriers_.Give(i);
}

}  // namespace tiercel
