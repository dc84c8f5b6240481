#include "sketch.h"

namespace tiercel {

uint32_t Sketch::Add(uint32_t hash) {
  if (blocks_.size() == 0) return 1;
  const Path path = Follow(hash);
  Block& block = blocks_[path.block];
  uint32_t least = kMax;
  for (uint32_t row = 0; row < kRows; row++) {
    const uint32_t column = path.columns >> (row * 5);
    const uint64_t word = block.words[row * 2 + (column >> 4 & 1)];
    const auto count = static_cast<uint32_t>(word >> ((column & 15) * 4) & kMax);
    if (count < least) least = count;
  }
  if (least == kMax) return kMax;
  Raise(hash, least + 1);
  return least + 1;
}

void Sketch::Raise(uint32_t hash, uint32_t count) {
  if (blocks_.size() == 0) return;
  const Path path = Follow(hash);
  Block& block = blocks_[path.block];
  for (uint32_t row = 0; row < kRows; row++) {
    const uint32_t column = path.columns >> (row * 5);
    const uint32_t shift = (column & 15) * 4;
    uint64_t& word = block.words[row * 2 + (column >> 4 & 1)];
    if ((word >> shift & kMax) < count) word = (word & ~(uint64_t{kMax} << shift)) | uint64_t{count} << shift;
  }
}

void Sketch::Sweep() {
  const uint32_t end = blocks_.size() - cursor_ > kSweep ? cursor_ + kSweep : blocks_.size();
  for (; cursor_ < end; cursor_++) {
    for (uint64_t& word : blocks_[cursor_].words) word = word >> 1 & 0x7777777777777777;
  }
  if (cursor_ < blocks_.size()) return;
  cursor_ = 0;
  epoch_++;
}

void Sketch::MakeFor(uint32_t entries) {
  period_ = uint64_t{kTicksPerEntry} * (entries > kMinEntries ? entries : kMinEntries);
  const uint32_t first = entries < kFirstEntries ? entries : kFirstEntries;
  const uint32_t wanted = first / kFirstEntriesPerBlock + (entries - first) / kEntriesPerBlock;
  do {
    if (blocks_.size() >= kMinBlocks && blocks_.size() >= wanted) return;
    if (!blocks_.Grow()) return;
    blocks_[blocks_.size() - 1] = blocks_[blocks_.Parent()];
  } while (blocks_.size() < kMinBlocks);
}

}  // namespace tiercel
