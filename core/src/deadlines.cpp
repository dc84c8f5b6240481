#include "deadlines.h"

#include <algorithm>

namespace tiercel {
namespace {

// Four at a time: the processor need not wait for one comparison to begin the next.
double LeastOf(const double* values, uint32_t count) {
  double least[4] = {values[0], values[1], values[2], values[3]};
  for (uint32_t i = 4; i < count; i += 4) {
    for (uint32_t k = 0; k < 4; k++) least[k] = std::min(least[k], values[i + k]);
  }
  return std::min(std::min(least[0], least[1]), std::min(least[2], least[3]));
}

// The place of a value that is among them.
uint32_t PlaceOf(double value, const double* values) {
  uint32_t at = 0;
  while (values[at] != value) at++;
  return at;
}

template <typename T>
[[nodiscard]] bool GrowTo(Vector<T>* items, size_t size, T filling) {
  const size_t before = items->size();
  if (size <= before) return true;
  if (!items->Grow(size - before)) return false;
  std::fill(items->begin() + before, items->end(), filling);
  return true;
}

}  // namespace

Deadlines::~Deadlines() {
  for (Chunk* chunk : chunks_) Free(chunk);
  for (float* stales : stales_) Free(stales);
}

bool Deadlines::ReserveLevels(uint32_t chunks) {
  uint32_t nodes = chunks * kLeaves;
  for (auto& level : levels_) {
    nodes = (nodes + kFan - 1) / kFan;
    // In whole sixteens, since that is how they are looked at.
    if (!GrowTo(&level, (size_t{nodes} + kFan - 1) / kFan * kFan, kForever)) return false;
  }
  return true;
}

bool Deadlines::Reserve(uint32_t slot, bool stale) {
  const uint32_t at = slot >> kChunkBits;
  if (!HasChunk(slot)) {
    if (!GrowTo<Chunk*>(&chunks_, size_t{at} + 1, nullptr) || !ReserveLevels(at + 1)) return false;
    auto* chunk = static_cast<Chunk*>(Allocate(sizeof(Chunk)));
    if (chunk == nullptr) return false;
    std::fill_n(chunk->fresh_until, kChunk, kForever);
    std::fill_n(chunk->leaves, kLeaves, kForever);
    chunks_[at] = chunk;
  }
  if (!stale) return true;
  if (!GrowTo<float*>(&stales_, size_t{at} + 1, nullptr)) return false;
  if (stales_[at] != nullptr) return true;
  auto* stales = static_cast<float*>(Allocate(sizeof(float) * kChunk));
  if (stales == nullptr) return false;
  std::fill_n(stales, kChunk, 0.0F);
  stales_[at] = stales;
  return true;
}

void Deadlines::Set(uint32_t slot, double fresh_until, float stale) {
  // Without a chunk there was none, and is none to be.
  if (!HasChunk(slot)) return;
  const uint32_t at = slot >> kChunkBits;
  const double before = ServedUntil(slot);
  chunks_[at]->fresh_until[slot & kInChunk] = fresh_until;
  if (at < stales_.size() && stales_[at] != nullptr) stales_[at][slot & kInChunk] = stale;
  Moved(slot, before, ServedUntil(slot));
}

double Deadlines::LeastOfLeaf(uint32_t i) const {
  const uint32_t first = i * kFan;
  const uint32_t at = first >> kChunkBits;
  const double* const fresh_until = &chunks_[at]->fresh_until[first & kInChunk];
  if (at >= stales_.size() || stales_[at] == nullptr) return LeastOf(fresh_until, kFan);
  double served_until[kFan];
  for (uint32_t k = 0; k < kFan; k++) served_until[k] = ServedUntil(first + k);
  return LeastOf(served_until, kFan);
}

// Brings those above a slot up to date.
void Deadlines::Moved(uint32_t slot, double before, double after) {
  size_ += (after < kForever ? 1 : 0) - (before < kForever ? 1 : 0);
  uint32_t i = slot >> kBits;
  // Returns false if nothing changes any more; else `before` and `after` are those of the node.
  const auto pass = [&](double* node, auto least) {
    const double old = *node;
    if (after < old) {
      *node = after;
    } else if (before == old && after != old) {
      *node = least();
    }
    before = old;
    after = *node;
    return before != after;
  };
  if (!pass(&Leaf(i), [&] { return LeastOfLeaf(i); })) return;
  for (uint32_t level = 0; level < kLevels; level++) {
    i >>= kBits;
    if (!pass(&levels_[level][i], [&] { return LeastOf(Below(level, i), kFan); })) return;
  }
  (void)pass(&first_, [&] { return LeastOf(Below(kLevels, 0), kFan); });
}

uint32_t Deadlines::FindDue(double now) const {
  if (first_ > now) return kNone;
  uint32_t i = 0;
  for (uint32_t level = kLevels; level != 0; level--) i = i * kFan + PlaceOf(first_, Below(level, i));
  i = i * kFan + PlaceOf(first_, Below(0, i));
  uint32_t slot = i * kFan;
  while (ServedUntil(slot) != first_) slot++;
  return slot;
}

}  // namespace tiercel
