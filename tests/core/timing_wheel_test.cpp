#include "timing_wheel.h"

#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

constexpr uint32_t kPlenty = 0xffffffff;

// Entries, some of which are in a wheel.
class Timers {
 public:
  uint32_t Take() {
    REQUIRE(entries_.Reserve());
    REQUIRE(entries_.ReserveExtra(entries_.NextFree()));
    const uint32_t slot = entries_.Take();
    entries_[slot].extra = 1;
    entries_.extra(slot) = Extra();
    return slot;
  }

  uint32_t Add(double deadline, float stale = 0) {
    const uint32_t slot = Take();
    SetDeadline(slot, deadline, stale);
    wheel.Add(slot);
    return slot;
  }

  void SetDeadline(uint32_t slot, double deadline, float stale = 0) {
    entries_.SetDeadline(slot, deadline, stale);
  }

  void Remove(uint32_t slot) {
    wheel.Remove(slot);
    Give(slot);
  }

  void Give(uint32_t slot) { entries_.Give(slot); }

  // The next one that is due, whatever it takes to find it; how much that is goes to `spent`.
  uint32_t Pop(double now) {
    uint32_t budget = kPlenty;
    const uint32_t slot = wheel.PopDue(now, &budget);
    spent += kPlenty - budget;
    return slot;
  }

  const Extra& extra(uint32_t slot) const { return entries_.extra(slot); }
  double Deadline(uint32_t slot) const { return extra(slot).served_until(); }

 private:
  Entries entries_{true};

 public:
  TimingWheel wheel{&entries_};
  uint64_t spent = 0;
};

}  // namespace

TEST_CASE("an entry is due at its deadline and not a bit earlier") {
  for (const double deadline :
       {5e-324, 0.1, 1.0, 15.999, 16.0, 1e3 / 3, 86400000.0, 9007199254740992.0, 1e300}) {
    Timers timers;
    const uint32_t slot = timers.Add(deadline);
    CHECK(timers.wheel.NextDue() == deadline);
    CHECK(timers.Pop(0) == kNone);
    CHECK(timers.Pop(std::nextafter(deadline, 0.0)) == kNone);
    CHECK(timers.wheel.NextDue() == deadline);
    CHECK(timers.Pop(deadline) == slot);
    CHECK(timers.wheel.size() == 0);
    CHECK(timers.wheel.NextDue() == kForever);
    CHECK(timers.Pop(deadline) == kNone);
  }
}

TEST_CASE("the deadline is the end of the stale time") {
  Timers timers;
  const uint32_t slot = timers.Add(10, 5);
  CHECK(timers.wheel.NextDue() == 15);
  CHECK(timers.Pop(14.999) == kNone);
  CHECK(timers.Pop(15) == slot);
}

TEST_CASE("a deadline that has passed, or is time 0, is due at once") {
  Timers timers;
  const uint32_t zero = timers.Add(0);
  CHECK(timers.wheel.NextDue() == 0);
  CHECK(timers.Pop(0) == zero);
  CHECK(timers.Pop(1e9) == kNone);
  const uint32_t future = timers.Add(2e9);
  const uint32_t past = timers.Add(5);
  CHECK(timers.wheel.NextDue() == 5);
  CHECK(timers.Pop(1e9) == past);
  CHECK(timers.wheel.NextDue() == 2e9);
  CHECK(timers.Pop(2e9) == future);
}

TEST_CASE("a jump of a year takes no more than what is due") {
  Timers timers;
  timers.Add(1);
  timers.Add(3600000.5);
  const double year = 365.25 * 86400000;
  const uint32_t later = timers.Add(year + 7);
  CHECK(timers.Pop(year) != kNone);
  CHECK(timers.Pop(year) != kNone);
  CHECK(timers.Pop(year) == kNone);
  CHECK(timers.spent <= 4);
  CHECK(timers.wheel.NextDue() == year + 7);
  CHECK(timers.Pop(2 * year) == later);
}

TEST_CASE("a million entries of one deadline take one step each, in any portions") {
  constexpr uint32_t kEntries = 1000000;
  Timers timers;
  for (uint32_t i = 0; i < kEntries; i++) timers.Add(60000);
  CHECK(timers.Pop(59999) == kNone);
  CHECK(timers.spent == 0);
  uint32_t popped = 0;
  for (uint32_t slices = 0; timers.wheel.size() != 0; slices++) {
    REQUIRE(slices < kEntries / 1000 + 1);
    REQUIRE(timers.wheel.NextDue() == 60000);
    uint32_t budget = 1000;
    while (timers.wheel.PopDue(60000, &budget) != kNone) popped++;
  }
  CHECK(popped == kEntries);
}

TEST_CASE("a crowded slot is spread in portions while what is added meanwhile is not lost") {
  constexpr uint32_t kEntries = 100000;
  Timers timers;
  for (uint32_t i = 0; i < kEntries; i++) timers.Add(1e9 + i);
  const double now = 1e9 + kEntries / 2.0;
  uint32_t popped = 0;
  uint32_t added = 0;
  for (uint32_t slices = 0; timers.wheel.NextDue() <= now; slices++) {
    REQUIRE(slices < 20 * kEntries / 1000);
    uint32_t budget = 1000;
    for (uint32_t slot = 0; (slot = timers.wheel.PopDue(now, &budget)) != kNone; popped++) {
      REQUIRE(timers.Deadline(slot) <= now);
    }
    REQUIRE(budget < 1000);
    if (added++ < 10) timers.Add(1e9);
    if (added < 10) timers.Add(now + added);
  }
  CHECK(popped == kEntries / 2 + 1 + 10);
  CHECK(timers.wheel.size() == kEntries / 2 - 1 + 9);
}

TEST_CASE("a timer armed for the next due time never wakes for nothing") {
  Timers timers;
  Random random(7);
  for (int i = 0; i < 20000; i++) timers.Add(random.Unit() * std::pow(10.0, random.Below(13)));
  double now = 0;
  while (timers.wheel.size() != 0) {
    const double due = timers.wheel.NextDue();
    REQUIRE(due >= now);
    now = due;
    uint32_t slot = timers.Pop(now);
    REQUIRE(slot != kNone);
    for (; slot != kNone; slot = timers.Pop(now)) REQUIRE(timers.Deadline(slot) == now);
  }
  // At most a look per level.
  CHECK(timers.spent <= 20000 * 11);
}

TEST_CASE("removals cause few wakes for nothing") {
  Timers timers;
  Random random(8);
  constexpr int kKept = 1000;
  std::vector<uint32_t> removed;
  for (int i = 0; i < 20 * kKept; i++) {
    const uint32_t slot = timers.Add(1e6 + random.Unit() * 3600000);
    if (i % 20 != 0) removed.push_back(slot);
  }
  for (const uint32_t slot : removed) timers.Remove(slot);
  int wakes = 0;
  for (; timers.wheel.size() != 0; wakes++) {
    const double now = timers.wheel.NextDue();
    while (timers.Pop(now) != kNone) {
    }
  }
  CHECK(wakes <= 2 * kKept);
}

TEST_CASE("a deadline may move to a later time in the wheel") {
  Timers timers;
  const uint32_t moved = timers.Add(100);
  const uint32_t other = timers.Add(200);
  timers.SetDeadline(moved, 300);
  CHECK(timers.Pop(100) == kNone);
  CHECK(timers.wheel.NextDue() == 200);
  CHECK(timers.Pop(200) == other);
  CHECK(timers.wheel.NextDue() == 300);
  timers.SetDeadline(moved, kForever);
  CHECK(timers.Pop(1e6) == kNone);
  CHECK(timers.wheel.NextDue() == kForever);
  CHECK(timers.wheel.size() == 1);
  timers.Remove(moved);
  CHECK(timers.wheel.size() == 0);
}

namespace {

// The wheel beside a sorted map, under random calls.
class Trial {
 public:
  explicit Trial(uint64_t seed)
      : random_(seed), scale_(std::pow(10.0, random_.Below(12))), whole_(random_.Below(2) != 0) {}

  void Run(uint32_t steps) {
    while (steps-- > 0) {
      Step();
      Check();
    }
    now_ = 1e16;
    for (uint32_t slot = 0; (slot = timers_.Pop(now_)) != kNone;) Popped(slot);
    REQUIRE(deadlines_.empty());
    Check();
  }

 private:
  double Duration() {
    const double any = random_.Unit() * scale_ * (random_.Below(8) == 0 ? 100 : 1);
    return whole_ ? std::floor(any) : any;
  }

  uint32_t Any() {
    return std::next(deadlines_.begin(), random_.Below(static_cast<uint32_t>(deadlines_.size())))->first;
  }

  void Step() {
    const uint32_t kind = random_.Below(16);
    if (kind < 6) {
      const double deadline = std::max(0.0, now_ + Duration() - (random_.Below(4) == 0 ? Duration() : 0));
      const float stale = random_.Below(3) == 0 ? static_cast<float>(random_.Below(1000)) : 0;
      for (uint32_t n = random_.Below(10) == 0 ? 30 : 1; n > 0; n--) {
        const uint32_t slot = timers_.Add(deadline, stale);
        deadlines_[slot] = timers_.Deadline(slot);
      }
    } else if (kind < 9 && !deadlines_.empty()) {
      const uint32_t slot = Any();
      deadlines_.erase(slot);
      timers_.Remove(slot);
    } else if (kind == 9 && !deadlines_.empty()) {
      const uint32_t slot = Any();
      deadlines_[slot] += Duration();
      timers_.SetDeadline(slot, deadlines_[slot]);
    } else if (kind == 10) {
      now_ = std::max(now_, std::min(timers_.wheel.NextDue(), 1e15));
      Pop(kPlenty);
    } else {
      if (random_.Below(2) == 0) now_ += Duration() / 10;
      Pop(random_.Below(3) == 0 ? kPlenty : random_.Below(8));
    }
  }

  void Pop(uint32_t budget) {
    const uint32_t given = budget;
    uint32_t slot = 0;
    for (uint32_t popped = 0; (slot = timers_.wheel.PopDue(now_, &budget)) != kNone;) {
      Popped(slot);
      REQUIRE(given - budget >= ++popped);
    }
    if (budget == 0) return;
    for (const auto& [left, deadline] : deadlines_) REQUIRE(deadline > now_);
    REQUIRE(timers_.wheel.NextDue() > now_);
  }

  void Popped(uint32_t slot) {
    REQUIRE(deadlines_.count(slot) == 1);
    REQUIRE(deadlines_[slot] <= now_);
    deadlines_.erase(slot);
    timers_.Give(slot);
  }

  void Check() const {
    REQUIRE(timers_.wheel.size() == deadlines_.size());
    std::set<uint32_t> heads;
    for (const auto& [slot, deadline] : deadlines_) {
      REQUIRE(timers_.wheel.NextDue() <= deadline);
      const Extra& extra = timers_.extra(slot);
      if (extra.timer_next != kNone) REQUIRE(timers_.extra(extra.timer_next).timer_prev == slot);
      if (extra.timer_prev >= 0x80000000) {
        REQUIRE(heads.insert(extra.timer_prev).second);
      } else {
        REQUIRE(deadlines_.count(extra.timer_prev) == 1);
        REQUIRE(timers_.extra(extra.timer_prev).timer_next == slot);
      }
    }
    REQUIRE((timers_.wheel.NextDue() == kForever) == deadlines_.empty());
  }

  Random random_;
  const double scale_;  // Of the durations, in milliseconds.
  const bool whole_;
  Timers timers_;
  std::map<uint32_t, double> deadlines_;
  double now_ = 0;
};

}  // namespace

TEST_CASE("a wheel does as a sorted list of deadlines does, whatever the budgets") {
  for (uint64_t seed = 0; seed < 150; seed++) {
    INFO("seed " << seed);
    Trial(seed).Run(300);
  }
}

}  // namespace tiercel::test
