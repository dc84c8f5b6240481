#include "deadlines.h"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "catch.h"
#include "memory.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Slots, the lowest that is free first, with deadlines.
class Timers {
 public:
  // `far` slots behind the last, if there was never one so far.
  uint32_t Add(double fresh_until, float stale = 0, uint32_t far = 0) {
    uint32_t slot = next_ + far;
    if (free_.empty()) {
      next_ = slot + 1;
    } else {
      slot = *free_.begin();
      free_.erase(free_.begin());
    }
    REQUIRE(deadlines.Reserve(slot, stale != 0));
    deadlines.Set(slot, fresh_until, stale);
    return slot;
  }

  void Move(uint32_t slot, double fresh_until) { deadlines.Set(slot, fresh_until, deadlines.Stale(slot)); }

  void Remove(uint32_t slot) {
    deadlines.Set(slot, kForever, 0);
    free_.insert(slot);
  }

  // Takes out one that is due, or kNone.
  uint32_t Pop(double now) {
    const uint32_t slot = deadlines.FindDue(now);
    if (slot != kNone) Remove(slot);
    return slot;
  }

  Deadlines deadlines;

 private:
  uint32_t next_ = 0;
  std::set<uint32_t> free_;
};

}  // namespace

TEST_CASE("an entry is due at its deadline and not a bit earlier") {
  for (const double deadline :
       {5e-324, 0.1, 1.0, 15.999, 16.0, 1e3 / 3, 86400000.0, 9007199254740992.0, 1e300}) {
    Timers timers;
    const uint32_t slot = timers.Add(deadline);
    CHECK(timers.deadlines.First() == deadline);
    CHECK(timers.Pop(0) == kNone);
    CHECK(timers.Pop(std::nextafter(deadline, 0.0)) == kNone);
    CHECK(timers.Pop(deadline) == slot);
    CHECK(timers.deadlines.size() == 0);
    CHECK(timers.deadlines.First() == kForever);
    CHECK(timers.Pop(deadline) == kNone);
  }
}

TEST_CASE("an entry is due at the end of its stale time, and what is kept of both is exact") {
  Timers timers;
  const uint32_t slot = timers.Add(1e9 / 3, 5);
  CHECK(timers.deadlines.First() == 1e9 / 3 + 5);
  CHECK(timers.deadlines.FreshUntil(slot) == 1e9 / 3);
  CHECK(timers.deadlines.Stale(slot) == 5);
  CHECK(timers.Pop(std::nextafter(1e9 / 3 + 5, 0.0)) == kNone);
  CHECK(timers.Pop(1e9 / 3 + 5) == slot);
  CHECK(timers.deadlines.Stale(slot) == 0);
}

TEST_CASE("a stale time without a deadline, or without an end, is never due") {
  Timers timers;
  const uint32_t fresh = timers.Add(kForever, 5);
  const uint32_t stale = timers.Add(1, std::numeric_limits<float>::infinity());
  CHECK(timers.deadlines.size() == 0);
  CHECK(timers.deadlines.First() == kForever);
  CHECK(timers.Pop(1e300) == kNone);
  CHECK(timers.deadlines.Stale(fresh) == 5);
  CHECK(timers.deadlines.FreshUntil(stale) == 1);
}

TEST_CASE("a deadline that has passed, or is time 0, is due at once") {
  Timers timers;
  const uint32_t zero = timers.Add(0);
  CHECK(timers.deadlines.First() == 0);
  CHECK(timers.Pop(0) == zero);
  const uint32_t future = timers.Add(2e9);
  const uint32_t past = timers.Add(5);
  CHECK(timers.Pop(1e9) == past);
  CHECK(timers.deadlines.First() == 2e9);
  CHECK(timers.Pop(1e9) == kNone);
  CHECK(timers.Pop(2e9) == future);
}

TEST_CASE("a slot of which nothing was ever reserved has no deadline") {
  Deadlines deadlines;
  CHECK(deadlines.FreshUntil(70000) == kForever);
  CHECK(deadlines.Stale(70000) == 0);
  deadlines.Set(70000, kForever, 0);
  CHECK(deadlines.FindDue(1e300) == kNone);
}

TEST_CASE("slots far apart are compared all the same") {
  Timers timers;
  uint32_t last = 0;
  for (const uint32_t far : {0U, 1000000U, 40000000U, 300000000U}) last = timers.Add(1e9 - far, 0, far);
  CHECK(last > 1U << 28);
  CHECK(timers.Pop(1e9) == last);
  CHECK(timers.deadlines.First() == 1e9 - 40000000);
}

TEST_CASE("a million entries of one deadline are found one by one") {
  constexpr uint32_t kEntries = 1000000;
  Timers timers;
  for (uint32_t i = 0; i < kEntries; i++) timers.Add(60000);
  CHECK(timers.deadlines.FindDue(59999) == kNone);
  uint32_t found = 0;
  for (uint32_t slot = 0; (slot = timers.deadlines.FindDue(60000)) != kNone; found++) {
    timers.deadlines.Set(slot, kForever, 0);
  }
  CHECK(found == kEntries);
  CHECK(timers.deadlines.size() == 0);
}

TEST_CASE("the first deadline is exact, whatever was removed or moved, and so is the order") {
  Timers timers;
  Random random(7);
  std::vector<uint32_t> slots;
  for (int i = 0; i < 20000; i++)
    slots.push_back(timers.Add(random.Unit() * std::pow(10.0, random.Below(13))));
  for (int i = 0; i < 20000; i += 3) timers.Move(slots[i], random.Unit() * 1e6);
  for (int i = 1; i < 20000; i += 3) timers.Remove(slots[i]);
  double now = 0;
  for (uint32_t left = timers.deadlines.size(); left != 0; left--) {
    REQUIRE(timers.deadlines.First() >= now);
    now = timers.deadlines.First();
    const uint32_t slot = timers.deadlines.FindDue(now);
    REQUIRE(slot != kNone);
    REQUIRE(timers.deadlines.ServedUntil(slot) == now);
    timers.Remove(slot);
  }
}

TEST_CASE("without memory for a deadline the others stay as they are") {
  for (int64_t allocations = 0;; allocations++) {
    Timers timers;
    timers.Add(10);
    Faults().fail_after = allocations;
    const bool reserved = timers.deadlines.Reserve(5000000, true);
    Faults().fail_after = -1;
    CHECK(timers.deadlines.First() == 10);
    CHECK(timers.deadlines.FreshUntil(5000000) == kForever);
    CHECK(timers.Add(5) == 1);
    CHECK(timers.Pop(7) == 1);
    REQUIRE(timers.deadlines.Reserve(5000000, true));
    timers.deadlines.Set(5000000, 3, 1);
    CHECK(timers.deadlines.FindDue(4) == 5000000);
    if (reserved) {
      CHECK(allocations > 3);
      break;
    }
  }
}

namespace {

// The deadlines beside a sorted map, under random calls.
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
    Pop(0xffffffff);
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
      const double fresh = std::max(0.0, now_ + Duration() - (random_.Below(4) == 0 ? Duration() : 0));
      const float stale = random_.Below(3) == 0 ? static_cast<float>(random_.Below(1000)) : 0;
      const uint32_t far = random_.Below(20) == 0 ? random_.Below(50000) : 0;
      for (uint32_t n = random_.Below(10) == 0 ? 30 : 1; n > 0; n--)
        deadlines_[timers_.Add(fresh, stale, far)] = fresh + static_cast<double>(stale);
    } else if (kind < 9 && !deadlines_.empty()) {
      const uint32_t slot = Any();
      deadlines_.erase(slot);
      timers_.Remove(slot);
    } else if (kind == 9 && !deadlines_.empty()) {
      const uint32_t slot = Any();
      const double fresh = random_.Below(2) == 0 ? now_ + Duration() : timers_.deadlines.FreshUntil(slot) / 2;
      timers_.Move(slot, fresh);
      deadlines_[slot] = fresh + static_cast<double>(timers_.deadlines.Stale(slot));
    } else {
      if (random_.Below(2) == 0) now_ += Duration() / 10;
      Pop(random_.Below(3) == 0 ? 0xffffffff : random_.Below(8));
    }
  }

  void Pop(uint32_t most) {
    for (uint32_t slot = 0; most != 0 && (slot = timers_.Pop(now_)) != kNone; most--) {
      REQUIRE(deadlines_.count(slot) == 1);
      REQUIRE(deadlines_[slot] <= now_);
      deadlines_.erase(slot);
    }
    if (most == 0) return;
    for (const auto& [left, deadline] : deadlines_) REQUIRE(deadline > now_);
  }

  void Check() const {
    REQUIRE(timers_.deadlines.size() == deadlines_.size());
    double first = kForever;
    for (const auto& [slot, deadline] : deadlines_) {
      first = std::min(first, deadline);
      REQUIRE(timers_.deadlines.ServedUntil(slot) == deadline);
    }
    REQUIRE(timers_.deadlines.First() == first);
  }

  Random random_;
  const double scale_;  // Of the durations, in milliseconds.
  const bool whole_;
  Timers timers_;
  std::map<uint32_t, double> deadlines_;
  double now_ = 0;
};

}  // namespace

TEST_CASE("deadlines are found as a sorted list finds them") {
  for (uint64_t seed = 0; seed < 150; seed++) {
    INFO("seed " << seed);
    Trial(seed).Run(300);
  }
}

}  // namespace tiercel::test
