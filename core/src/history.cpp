#include "history.h"

namespace tiercel {

History::Past History::Recall(uint32_t hash) {
  if (blocks_.size() == 0) return {1, kNoGhost};
  const uint32_t block = blocks_.Find(hash);
  const uint32_t columns = Columns(hash);
  uint32_t least = kMax;
  for (uint32_t row = 0; row < kRows; row++) {
    const uint32_t i = Counter(columns, row);
    const auto count = static_cast<uint32_t>(blocks_[block].counts[i >> 4] >> (i & 15) * 4 & kMax);
    if (count < least) least = count;
  }
  if (least > kUnsure && least * 2 <= Mean(blocks_[block]) * 3) least = 0;
  least >>= Owed(block);
  if (least < kMax) Raise(block, columns, ++least);
  return {least, TakeGhost(hash)};
}

uint32_t History::Mean(const Block& block) {
  uint64_t bytes = 0;  // Each the sum of 10 counters.
  for (const uint64_t word : block.counts) {
    bytes += (word & 0x0f0f0f0f0f0f0f0f) + (word >> 4 & 0x0f0f0f0f0f0f0f0f);
  }
  const uint64_t pairs = (bytes & 0x00ff00ff00ff00ff) + (bytes >> 8 & 0x00ff00ff00ff00ff);
  return static_cast<uint32_t>(pairs * 0x0001000100010001 >> 48) / (kRows * kColumns);
}

void History::Leave(uint32_t hash, uint32_t count, Ghost ghost) {
  if (blocks_.size() == 0) return;
  Raise(blocks_.Find(hash), Columns(hash), count);
  if (ghost != kNoGhost) AddGhost(hash, ghost);
}

void History::Raise(uint32_t block, uint32_t columns, uint32_t count) {
  const uint32_t before = count << Owed(block);
  const uint64_t least = before < kMax ? before : kMax;
  for (uint32_t row = 0; row < kRows; row++) {
    const uint32_t i = Counter(columns, row);
    const uint32_t shift = (i & 15) * 4;
    uint64_t& word = blocks_[block].counts[i >> 4];
    if ((word >> shift & kMax) < least) word = (word & ~(uint64_t{kMax} << shift)) | least << shift;
  }
}

bool History::HalveSome() {
  const uint32_t end = blocks_.size() - halved_ > kSweep ? halved_ + kSweep : blocks_.size();
  for (; halved_ < end; halved_++) {
    for (uint64_t& word : blocks_[halved_].counts) word = word >> 1 & 0x7777777777777777;
  }
  return halved_ < blocks_.size();
}

void History::MakeFor(uint32_t entries) {
  const uint32_t first = entries < kFirstEntries ? entries : kFirstEntries;
  const uint32_t wanted = first / kFirstEntriesPerBlock + (entries - first) / kEntriesPerBlock;
  do {
    if (blocks_.size() >= kMinBlocks && blocks_.size() >= wanted) break;
    if (!blocks_.Grow()) return;
    Block& added = blocks_[blocks_.size() - 1];
    added = blocks_[blocks_.Parent()];
    // Which of the ghosts would be here, they do not tell.
    for (uint8_t& mark : added.marks) mark = 0;
    if (halved_ == blocks_.size() - 1) halved_++;
  } while (blocks_.size() < kMinBlocks);
  if (entries / kEntriesPerBlock > ghost_blocks_ && ghost_blocks_ < blocks_.size()) {
    if (ghost_blocks_++ > ghost_mask_) ghost_mask_ = ghost_mask_ * 2 + 1;
  }
}

void History::Clear() {
  blocks_.Clear();
  halved_ = ghost_mask_ = 0;
  ghost_blocks_ = 1;
  for (Kind& kind : kinds_) kind = Kind();
}

uint32_t History::Age(const Block& block, uint32_t cell) const {
  const uint32_t mark = block.marks[cell];
  if (mark == 0) return kGenerations;
  const Kind& kind = kinds_[GhostOf(block, cell)];
  const uint32_t age = (kind.newest - mark) & kGeneration;
  return age <= kind.newest - kind.oldest ? age : kGenerations;
}

History::Ghost History::TakeGhost(uint32_t hash) {
  Block& block = GhostBlock(hash);
  for (uint32_t i = 0; i < kCells; i++) {
    if (((block.prints[i] ^ Print(hash)) & ((1U << kPrintBits) - 1)) != 0) continue;
    if (Age(block, i) == kGenerations) continue;
    Free(block, i);
    return GhostOf(block, i);
  }
  return kNoGhost;
}

void History::AddGhost(uint32_t hash, Ghost ghost) {
  Kind& kind = kinds_[ghost];
  while (kind.size >= most_) ForgetOldest(kind);
  if (kind.sizes[kind.newest & kGeneration] >= per_generation_) {
    kind.newest++;
    if (kind.newest - kind.oldest == kMostInUse) ForgetOldest(kind);
  }
  Block& block = GhostBlock(hash);
  // A free cell, or that of the oldest ghost.
  uint32_t cell = 0;
  uint32_t oldest = 0;
  for (uint32_t i = 0; i < kCells; i++) {
    const uint32_t age = Age(block, i);
    if (age == kGenerations) block.marks[i] = 0;
    if (age < oldest) continue;
    oldest = age;
    cell = i;
  }
  if (oldest != kGenerations) Free(block, cell);
  block.prints[cell] = static_cast<uint16_t>(Print(hash) | ghost << kPrintBits);
  block.marks[cell] = static_cast<uint8_t>(kTaken | (kind.newest & kGeneration));
  kind.size++;
  kind.sizes[kind.newest & kGeneration]++;
}

void History::Free(Block& block, uint32_t cell) {
  Kind& kind = kinds_[GhostOf(block, cell)];
  uint32_t& size = kind.sizes[block.marks[cell] & kGeneration];
  // It is 0 for a cell that nobody looked at before its generation was numbered again.
  if (size != 0) {
    size--;
    kind.size--;
  }
  block.marks[cell] = 0;
}

void History::ForgetOldest(Kind& kind) {
  uint32_t& size = kind.sizes[kind.oldest & kGeneration];
  kind.size -= size;
  size = 0;
  if (kind.oldest++ == kind.newest) kind.newest++;
}

}  // namespace tiercel
