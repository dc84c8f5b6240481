#include "index.h"

#include <cstring>
#include <utility>

namespace tiercel {

Index::~Index() { Free(block_); }

void Index::Swap(Index& other) {
  std::swap(control_, other.control_);
  std::swap(numbers_, other.numbers_);
  std::swap(block_, other.block_);
  std::swap(groups_, other.groups_);
  std::swap(size_, other.size_);
  std::swap(free_, other.free_);
}

bool Index::Build(uint32_t groups) {
  // 7 bits of the 32-bit hash are the tag, so more than 2^25 groups could not be told apart.
  if (groups > (1U << 25)) return false;
  const size_t positions = size_t{groups} * Group::kWidth;
  void* block = Allocate(positions * (1 + sizeof(uint32_t)) + Group::kWidth);
  if (block == nullptr) return false;
  Free(block_);
  block_ = block;
  const size_t misaligned = reinterpret_cast<uintptr_t>(block) % Group::kWidth;
  control_ = static_cast<uint8_t*>(block) + (misaligned == 0 ? 0 : Group::kWidth - misaligned);
  numbers_ = reinterpret_cast<uint32_t*>(control_ + positions);
  std::memset(control_, kEmpty, positions);
  groups_ = groups;
  size_ = 0;
  free_ = Places(groups);
  return true;
}

void Index::Insert(uint32_t hash, uint32_t number) {
  uint32_t group = FirstGroup(hash);
  for (uint32_t step = 1;; step++) {
    const uint32_t mask = Group(control_ + size_t{group} * Group::kWidth).MatchFree();
    if (mask != 0) {
      const uint32_t at = group * Group::kWidth + LowestBit(mask);
      if (control_[at] == kEmpty) free_--;
      control_[at] = Tag(hash);
      numbers_[at] = number;
      size_++;
      return;
    }
    group = (group + step) & (groups_ - 1);
  }
}

void Index::Erase(uint32_t hash, uint32_t number) {
  uint32_t group = FirstGroup(hash);
  for (uint32_t step = 1;; step++) {
    const Group controls(control_ + size_t{group} * Group::kWidth);
    for (uint32_t mask = controls.Match(Tag(hash)); mask != 0; mask &= mask - 1) {
      const uint32_t at = group * Group::kWidth + LowestBit(mask);
      if (numbers_[at] != number) continue;
      // A group with an empty byte ends every probe that comes to it, so no probe goes on past this one.
      const bool ends_probes = controls.Match(kEmpty) != 0;
      control_[at] = ends_probes ? kEmpty : kDeleted;
      if (ends_probes) free_++;
      size_--;
      return;
    }
    group = (group + step) & (groups_ - 1);
  }
}

}  // namespace tiercel
