#include "index_table.h"

#include <cstring>
#include <utility>

#include "memory.h"

namespace tiercel {
namespace {

constexpr uint32_t kResetAtOnce = 1024;  // Groups: 16 pages.

}  // namespace

void IndexTable::Swap(IndexTable& other) {
  std::swap(block_, other.block_);
  std::swap(groups_, other.groups_);
  std::swap(size_, other.size_);
}

bool IndexTable::Make(uint64_t groups) {
  const uint64_t bytes = BytesFor(groups);
  if (groups > kNone || bytes > SIZE_MAX) return false;
  void* block = Allocate(static_cast<size_t>(bytes));
  if (block == nullptr) return false;
  Reset();
  const size_t misaligned = reinterpret_cast<uintptr_t>(block) % alignof(Group);
  block_ = block;
  groups_ = reinterpret_cast<Group*>(static_cast<uint8_t*>(block) +
                                     (misaligned == 0 ? 0 : alignof(Group) - misaligned));
  size_ = static_cast<uint32_t>(groups);
  return true;
}

void IndexTable::Clear(uint32_t first, uint32_t count) {
  if (count != 0) std::memset(groups_ + first, 0, count * sizeof(Group));
}

void IndexTable::Reset() {
  Free(block_);
  block_ = nullptr;
  groups_ = nullptr;
  size_ = 0;
}

void IndexTable::ResetSome() {
  if (size_ <= kResetAtOnce) return Reset();
  void* const block = Shrink(block_, static_cast<size_t>(BytesFor(size_ - kResetAtOnce)));
  if (block == nullptr) return Reset();
  block_ = block;
  groups_ = nullptr;
  size_ -= kResetAtOnce;
}

void IndexTable::Insert(uint32_t hash, uint32_t number) {
  uint32_t group = Home(hash);
  uint32_t empty = groups_[group].Empty();
  uint32_t step = 0;
  for (; empty == 0; step++) {
    groups_[group].Pass();
    group = After(group, hash, step);
    empty = groups_[group].Empty();
  }
  Group& g = groups_[group];
  const uint32_t at = LowestBit(empty);
  g.control[at] = Group::Tag(hash);
  g.numbers[at] = number;
  if (step != 0) g.away = static_cast<uint16_t>(g.away | 1U << at);
}

bool IndexTable::Erase(uint32_t hash, uint32_t number) {
  Place place;
  if (!Probe(
          hash, [number](uint32_t n) { return n == number; }, &place))
    return false;
  Remove(hash, place);
  return true;
}

void IndexTable::Remove(uint32_t hash, Place place) {
  uint32_t group = Home(hash);
  for (uint32_t step = 0; group != place.group; step++) {
    groups_[group].Unpass();
    group = After(group, hash, step);
  }
  Group& g = groups_[group];
  g.control[place.at] = 0;
  g.away = static_cast<uint16_t>(g.away & ~(1U << place.at));
}

}  // namespace tiercel
