#include "timing_wheel.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tiercel {
namespace {

// Positive doubles are in the order of their bits.
uint64_t Tick(double time) {
  if (!(time > 0)) return 0;
  uint64_t bits = 0;
  std::memcpy(&bits, &time, sizeof(bits));
  return bits;
}

uint64_t Bit(uint32_t i) { return uint64_t{1} << (i & 63); }

}  // namespace

TimingWheel::TimingWheel(Entries* entries) : entries_(*entries) { std::fill_n(first_, kSlots, kNone); }

void TimingWheel::Add(uint32_t slot) {
  size_++;
  Extra& extra = entries_.extra(slot);
  const double deadline = extra.served_until();
  const uint64_t tick = std::max(Tick(deadline), at_);
  const uint32_t level =
      tick == at_ ? 0 : (63U - static_cast<uint32_t>(std::countl_zero(tick ^ at_))) / kBits;
  const uint32_t to = (level << kBits) + (static_cast<uint32_t>(tick >> (level * kBits)) & kInLevel);

  const uint32_t next = first_[to];
  extra.timer_prev = kIsSlot | to;
  extra.timer_next = next;
  first_[to] = slot;
  if (next != kNone) {
    entries_.extra(next).timer_prev = slot;
    earliest_[to] = std::min(earliest_[to], deadline);
  } else {
    earliest_[to] = deadline;
    filled_[level] |= Bit(to);
    levels_ |= Bit(level);
  }
}

void TimingWheel::Remove(uint32_t slot) {
  Extra& extra = entries_.extra(slot);
  const uint32_t prev = extra.timer_prev;
  const uint32_t next = extra.timer_next;
  extra.timer_prev = extra.timer_next = kNone;
  size_--;
  if (next != kNone) entries_.extra(next).timer_prev = prev;
  if ((prev & kIsSlot) == 0) {
    entries_.extra(prev).timer_next = next;
    return;
  }
  const uint32_t from = prev & ~kIsSlot;
  first_[from] = next;
  if (next != kNone) return;
  const uint32_t level = from >> kBits;
  filled_[level] &= ~Bit(from);
  if (filled_[level] == 0) levels_ &= ~Bit(level);
  if (from == entered_) entered_ = kNone;
}

uint32_t TimingWheel::FirstSlot() const {
  const auto level = static_cast<uint32_t>(std::countr_zero(levels_));
  return (level << kBits) + static_cast<uint32_t>(std::countr_zero(filled_[level]));
}

bool TimingWheel::Enter(double now) {
  const uint64_t tick = std::max(Tick(now), at_);
  if (size_ == 0) {
    at_ = tick;
    return false;
  }
  const uint32_t slot = FirstSlot();
  const uint64_t ticks = Bit((slot >> kBits) * kBits);  // In a slot of the level.
  const uint64_t begin = (at_ & ~((ticks << kBits) - 1)) + (slot & kInLevel) * ticks;
  if (earliest_[slot] > now) {
    if (tick < begin) at_ = tick;  // So that what comes is put on as low a level as it can be.
    return false;
  }
  at_ = std::min(tick, begin + (ticks - 1));
  entered_ = slot;
  return true;
}

uint32_t TimingWheel::PopDue(double now, uint32_t* budget) {
  while (entered_ != kNone || Enter(now)) {
    if (*budget == 0) return kNone;
    (*budget)--;
    const uint32_t slot = first_[entered_];
    Remove(slot);
    if (entries_.extra(slot).served_until() <= now) return slot;
    Add(slot);
  }
  return kNone;
}

double TimingWheel::NextDue() const {
  if (size_ == 0) return kForever;
  const double first = earliest_[FirstSlot()];
  return entered_ == kNone ? first : std::min(first, earliest_[entered_]);
}

}  // namespace tiercel
