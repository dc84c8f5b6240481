// When entries expire, in a column beside them, and which of them is first.
//
// That is found by a tournament (Knuth, The Art of Computer Programming, vol. 3, 5.2.3 and 5.4.1): of each 16
// neighbouring slots the least deadline is kept, of each 16 of these again the least, and so on up to one. A
// deadline that comes, moves or goes changes those above it as far as it was, or is, the least of them:
// mostly none. So there are no links to follow, the neighbours that are compared lie in two cache lines, and
// it takes 8.6 bytes an entry, deadline included.
#ifndef TIERCEL_SRC_DEADLINES_H_
#define TIERCEL_SRC_DEADLINES_H_

#include <cstdint>
#include <limits>

#include "key.h"
#include "memory.h"

namespace tiercel {

constexpr double kForever = std::numeric_limits<double>::infinity();

// Times are milliseconds, not negative; slots are less than 2^31. Every call is O(1).
class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;
  ~Deadlines();

  // Makes sure that a slot can have a deadline, and a stale time if asked for. False without memory.
  [[nodiscard]] bool Reserve(uint32_t slot, bool stale);

  // Until when a slot's entry is fresh, kForever if it always is, and for how many milliseconds after it may
  // still be served: then it is due. Reserve must have succeeded at some time, for a stale time that is not 0
  // too.
  void Set(uint32_t slot, double fresh_until, float stale);

  // Kept of the last Set; kForever and 0 without.
  double FreshUntil(uint32_t slot) const {
    if (!HasChunk(slot)) return kForever;
    return chunks_[slot >> kChunkBits]->fresh_until[slot & kInChunk];
  }
  float Stale(uint32_t slot) const {
    const uint32_t chunk = slot >> kChunkBits;
    return chunk < stales_.size() && stales_[chunk] != nullptr ? stales_[chunk][slot & kInChunk] : 0;
  }
  double ServedUntil(uint32_t slot) const { return FreshUntil(slot) + static_cast<double>(Stale(slot)); }

  // The first deadline of all, or kForever.
  double First() const { return first_; }
  // A slot that is due at `now` or before, or kNone.
  uint32_t FindDue(double now) const;

  // Slots that have a deadline.
  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kBits = 4;
  static constexpr uint32_t kFan = 1U << kBits;
  static constexpr uint32_t kChunkBits = 10;
  static constexpr uint32_t kChunk = 1U << kChunkBits;
  static constexpr uint32_t kInChunk = kChunk - 1;
  static constexpr uint32_t kLeaves = kChunk / kFan;
  // Above the leaves, which are in the chunks: then 2^31 slots come down to 8.
  static constexpr uint32_t kLevels = 6;

  struct Chunk {
    double fresh_until[kChunk];
    double leaves[kLeaves];  // Each the least of 16 slots.
  };

  bool HasChunk(uint32_t slot) const {
    const uint32_t chunk = slot >> kChunkBits;
    return chunk < chunks_.size() && chunks_[chunk] != nullptr;
  }
  double& Leaf(uint32_t i) const { return chunks_[i / kLeaves]->leaves[i % kLeaves]; }
  double LeastOfLeaf(uint32_t i) const;
  // The 16 that a node of a level is the least of.
  const double* Below(uint32_t level, uint32_t i) const {
    return level == 0 ? &Leaf(i * kFan) : &levels_[level - 1][size_t{i} * kFan];
  }
  [[nodiscard]] bool ReserveLevels(uint32_t chunks);
  void Moved(uint32_t slot, double before, double after);

  Vector<Chunk*> chunks_;           // nullptr while no slot of it had a deadline.
  Vector<float*> stales_;           // The same for stale times; shorter if the last have none.
  Vector<double> levels_[kLevels];  // Each the least of 16 of the level below, the first of 16 leaves.
  double first_ = kForever;         // The least of the last level.
  uint32_t size_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_DEADLINES_H_
