#include "index.h"

#include <algorithm>
#include <utility>

namespace tiercel {
namespace {

constexpr uint32_t kClearedAtOnce = 64;  // Groups: a page.

// Groups of a table of 64 KiB. Smaller ones are worth no trouble: they double, and stay.
constexpr uint32_t kSmall = 1024;

// Items at which a table is full, nine in a group of twelve. With ten the memory is a tenth less, and an
// insertion into a full cache takes a quarter longer: more items lie away from their first group.
uint64_t Limit(uint64_t groups) { return groups * 9; }

// The least groups whose limit is above a number of items.
uint64_t GroupsFor(uint64_t items) { return items / 9 + 1; }

}  // namespace

void Index::Swap(Index& other) {
  table_.Swap(other.table_);
  old_.Swap(other.old_);
  next_.Swap(other.next_);
  gone_.Swap(other.gone_);
  std::swap(cursor_, other.cursor_);
  std::swap(size_, other.size_);
  std::swap(most_, other.most_);
}

bool Index::BuildLike(const Index& other) {
  IndexTable table;
  if (other.table_.size() != 0 && !table.Make(other.table_.size())) return false;
  table.Clear(0, table.size());
  table_.Swap(table);
  old_.Reset();
  next_.Reset();
  gone_.Reset();
  size_ = 0;
  most_ = other.most_;
  return true;
}

// With g groups, a table grows at 9g items. Up to g/32 + 1 come while the next is cleared, and g/2 while it
// is filled: these are less than 12g, so places suffice even if the next has but one group more. A table
// shrinks below 1.2g items, and with those that come while it does they are less than the 3g places of a
// quarter.
uint64_t Index::WantedGroups() const {
  const uint64_t groups = table_.size();
  const uint64_t limit = Limit(groups);
  if (size_ >= limit) {
    const uint64_t doubled = std::max<uint64_t>(1, groups * 2);
    const uint64_t exact = GroupsFor(most_);
    return doubled > kSmall && groups < exact && exact < doubled ? exact : doubled;
  }
  const bool is_too_large = groups >= kSmall && size_ < limit / 8 && most_ < limit / 4;
  return is_too_large ? groups / 4 : groups;
}

bool Index::ClearNext() {
  const uint32_t count = std::min(kClearedAtOnce, next_.size() - cursor_);
  next_.Clear(cursor_, count);
  cursor_ += count;
  if (cursor_ != next_.size()) return false;
  old_.Swap(table_);
  table_.Swap(next_);
  cursor_ = 0;
  return true;
}

}  // namespace tiercel
