// Entries by deadline: hierarchical timing wheels (Varghese and Lauck, "Hashed and hierarchical timing
// wheels", SOSP 1987, scheme 7).
//
// A tick is one step between neighbouring doubles: the bits of a time, read as an integer, count them. So no
// two times share a tick, an entry is due to the bit, and 64 bits of tick reach any time there is. A level
// stands for 6 of the bits. An entry is on the level of the highest bit in which its tick differs from where
// the wheel stands, in the slot that these 6 bits number; so all of a level is due before anything of a
// higher one, and a slot before those of higher numbers. That makes it a radix heap as well (Ahuja, Mehlhorn,
// Orlin and Tarjan, "Faster algorithms for the shortest path problem", JACM 1990).
//
// The wheel moves into a slot not when time does, but when the earliest entry that the slot had is due: then
// it takes out what is due and spreads the rest over the levels below. So time alone costs nothing, however
// far it jumps, and an entry is looked at once per level at most.
#ifndef TIERCEL_SRC_TIMING_WHEEL_H_
#define TIERCEL_SRC_TIMING_WHEEL_H_

#include <cstdint>

#include "entry.h"

namespace tiercel {

// Times are milliseconds, not negative. Nothing here allocates, and every call is O(1) for a budget.
class TimingWheel {
 public:
  explicit TimingWheel(Entries* entries);
  TimingWheel(const TimingWheel&) = delete;
  TimingWheel& operator=(const TimingWheel&) = delete;

  // The entry has a deadline, after which it is not served. While it is in the wheel the deadline may move to
  // a later time, but not to an earlier one: for that it is removed and added again.
  void Add(uint32_t slot);
  // The entry is in the wheel. Its deadline is not read.
  void Remove(uint32_t slot);

  // Takes out an entry whose deadline is `now` or earlier, which never decreases. kNone if there is none, or
  // the budget is used up: each entry looked at uses 1 of it.
  uint32_t PopDue(double now, uint32_t* budget);

  // When there is something for PopDue: not later than the first deadline, and in the past while something is
  // left to do. Later than that it is the first deadline, unless that entry was removed or its deadline
  // moved: then PopDue finds a better answer at that time. kForever if nothing is in the wheel.
  double NextDue() const;

  bool IsDue(double now) const { return size_ != 0 && NextDue() <= now; }

  uint32_t size() const { return size_; }

 private:
  static constexpr uint32_t kBits = 6;
  static constexpr uint32_t kInLevel = (1U << kBits) - 1;  // The bits of a slot's number in its level.
  static constexpr uint32_t kLevels = (64 + kBits - 1) / kBits;
  static constexpr uint32_t kSlots = kLevels << kBits;
  // Extra::timer_prev of the first entry of a slot is the slot's number with this bit, which no entry's has.
  static constexpr uint32_t kIsSlot = 0x80000000;

  uint32_t FirstSlot() const;
  // Moves into the first slot if something in it may be due.
  bool Enter(double now);

  Entries& entries_;
  uint32_t size_ = 0;
  // The tick where the wheel stands. No entry's is below it, but of those that were due when they came.
  uint64_t at_ = 0;
  // The slot that the wheel moved into, while entries are left there: they come before all others. While
  // there is one the wheel stands still.
  uint32_t entered_ = kNone;

  uint64_t levels_ = 0;            // Bit i: level i is not empty.
  uint64_t filled_[kLevels] = {};  // Bit i: slot i of the level is not empty.
  uint32_t first_[kSlots];         // Of the entries in the slot, chained by Extra::timer_next.
  double earliest_[kSlots] = {};   // Deadline that the slot had since it was last empty.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_TIMING_WHEEL_H_
