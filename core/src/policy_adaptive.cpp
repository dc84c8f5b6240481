// W-TinyLFU (Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache admission policy", ACM TOS
// 2017) whose window is steered by ghosts.
//
// New entries come into the window, an LRU list. What has to leave it meets the entry that the main part
// would give up, and the one used more often lately, by the sketch's estimate, stays: so the main part holds
// what is used often, and a scan cannot empty it. How large a window is best depends on the load, so it is
// found out: keys that the contest turned away are remembered as ghosts for a while, and so are those that
// had to leave the main part. A miss of a key of the first kind tells that it should have stayed longer in
// the window, which grows; one of the second kind that the window is too large. The rarer kind weighs more,
// as in ARC (Megiddo and Modha, FAST 2003).
//
// The main part is a segmented LRU, probation and protected, that is lazy: a hit only sets a bit in the
// entry, which is looked at when it is the entry's turn to leave, and then it moves on instead, to the end of
// the protected list. Estimates are lazy too. The count of a key is in its entry while it has one, where a
// hit finds it at no cost, and goes back to the sketch when it leaves. Only a hit in the window moves the
// entry at once: few do, unless recency is what counts.
#include "history.h"
#include "list.h"
#include "policy.h"

namespace tiercel {
namespace {

enum Segment : uint32_t { kWindow, kProbation, kProtected };

// Bits of Entry::policy: the segment, whether it was hit since it came there, the count, and the epoch for
// which that is, modulo 2.
constexpr uint32_t kSegmentBits = 3;
constexpr uint32_t kVisited = 4;
constexpr uint32_t kCountShift = 3;
constexpr uint32_t kEpochShift = 7;
constexpr uint32_t kAll = 0x1ff;

// The part of the cache that is the window, in 2^-40.
constexpr uint64_t kWhole = uint64_t{1} << 40;
constexpr uint64_t kFirstShare = kWhole / 10;
constexpr uint64_t kMinShare = kWhole / 100;
constexpr uint64_t kMaxShare = kWhole - kWhole / 100;
// By which it changes, at least, in square roots of the number of entries: 1/80. What is learnt from one
// ghost is as uncertain for a small cache as for a large one, so steps that are a part of the cache would
// make a small one err about much more, and steps of an entry would let a large one take forever.
constexpr uint64_t kStepsPerRoot = 80;
// An entry that was rejected too soon is let in at once as well, so it has not to widen the window as much.
constexpr uint64_t kWiden = 4;
constexpr uint64_t kNarrow = 5;

// Counts are halved once in so many uses for each entry, of which there are at least so many. (With more,
// those of a small cache would all be kMax.)
constexpr uint64_t kUsesPerEntry = 8;
constexpr uint32_t kMinEntries = 128;
constexpr uint32_t kRefreshed = 64;  // Entries looked at for that in a call.

// A candidate with so many uses that lost the contest stays all the same, 1 time in 128, so that nobody who
// makes counters collide can keep it out.
constexpr uint32_t kWarm = 6;
// Counts differ by one for no better reason than when they were halved, or whose turn in a loop it is, so a
// candidate must be ahead of the other entry by more than this part of what that has.
constexpr uint32_t kMargin = 4;

// Ghosts of a kind for each entry: 1/4.
constexpr uint32_t kGhostsOf = 4;

// Entries looked at, at most, in one call to find the one to leave; and for each of them to make room on the
// protected list.
constexpr uint32_t kMaxSteps = 1024;
constexpr uint32_t kMaxDemotions = 8;
constexpr uint32_t kMaxHandedOver = 64;  // From the window to probation in one call.

// In sixteenths, rounded down.
uint64_t SquareRoot(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
    const uint64_t more = root | bit;
    if (more * more <= x * 256) root = more;
  }
  return root;
}

class AdaptivePolicy final : public Policy {
 public:
  AdaptivePolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes)
      : entries_(*entries), max_entries_(max_entries), max_bytes_(max_bytes) {}

  void OnMiss(uint32_t hash, uint64_t cost, uint32_t) override {
    history_.Prefetch(hash);
    Tick();
    spared_ = leaving_ = kNone;
    const History::Past past = history_.Recall(hash);
    incoming_ = {past.ghost == History::kRejected ? kProbation : kWindow, past.count, cost};
    if (past.ghost != History::kNoGhost) Steer(past.ghost);
  }

  void OnInsert(uint32_t slot) override {
    SetMark(slot, incoming_.segment, incoming_.count);
    Push(incoming_.segment, slot);
    incoming_ = Incoming();
    const uint32_t count = Count();
    period_ = kUsesPerEntry * (count > kMinEntries ? count : kMinEntries);
    history_.MakeFor(count);
    HandOver();
    Demote();
  }

  void OnHit(uint32_t slot) override {
    Tick();
    const uint32_t count = CountOf(slot);
    const uint32_t segment = SegmentOf(slot);
    const uint32_t more = count < History::kMax ? count + 1 : count;
    if (segment != kWindow) return SetMark(slot, segment | kVisited, more);
    SetMark(slot, kWindow, more);
    if (slot != segments_[kWindow].list.tail) Move(slot, kWindow);
  }

  void OnUpdate(uint32_t slot, uint64_t cost) override {
    OnHit(slot);
    segments_[SegmentOf(slot)].bytes += cost - entries_.Cost(slot);
    spared_ = slot;
  }

  void OnRemove(uint32_t slot) override {
    history_.Leave(entries_[slot].hash, CountOf(slot), slot == leaving_ ? leaves_as_ : History::kNoGhost);
    Remove(slot);
    if (slot == spared_) spared_ = kNone;
    leaving_ = kNone;
  }

  uint32_t Victim() override {
    const uint32_t count = Count();
    if (count <= 1) spared_ = kNone;
    history_.SetGhosts(count / kGhostsOf + 1);
    const uint64_t coming =
        incoming_.segment != kWindow ? 0 : (ByBytes() ? incoming_.cost : (incoming_.cost == 0 ? 0 : 1));
    const uint32_t oldest = First(kWindow);
    const uint32_t candidate = Size(kWindow) + coming > WindowTarget() ? oldest : kNone;
    const uint32_t victim = MainVictim();
    if (victim != kNone && (candidate == kNone || Wins(candidate, victim))) {
      if (candidate != kNone) Move(candidate, kProbation);
      return Leaves(victim, History::kDisplaced);
    }
    return oldest == kNone ? kNone : Leaves(oldest, History::kRejected);
  }

  void Resize(uint64_t max_entries, uint64_t max_bytes) override {
    max_entries_ = max_entries;
    max_bytes_ = max_bytes;
  }

  void ForgetHashes() override { history_.Clear(); }

  PolicyState State() const override {
    return {.window_target = WindowTarget(),
            .window = Size(kWindow),
            .protected_ = Size(kProtected),
            .ghosts = uint64_t{history_.ghosts(History::kRejected)} + history_.ghosts(History::kDisplaced),
            .sketch_counters = history_.counters(),
            .memory = history_.memory()};
  }

 private:
  struct Part {
    List<Entry> list;  // The oldest at the head.
    uint64_t bytes = 0;
  };
  // What OnMiss announced.
  struct Incoming {
    uint32_t segment = kWindow;
    uint32_t count = 1;
    uint64_t cost = 0;  // 0: nothing is.
  };

  uint32_t Count() const {
    return segments_[kWindow].list.size + segments_[kProbation].list.size + segments_[kProtected].list.size;
  }
  // Sizes are in entries, unless there is no bound on those, or it is not they that there is no room for.
  bool ByBytes() const { return max_bytes_ != 0 && (max_entries_ == 0 || Count() < max_entries_); }
  uint64_t Size(uint32_t segment) const {
    return ByBytes() ? segments_[segment].bytes : segments_[segment].list.size;
  }
  uint64_t Total() const { return Size(kWindow) + Size(kProbation) + Size(kProtected); }

  uint64_t WindowTarget() const {
    const uint64_t total = Total();
    constexpr uint64_t kLow = (uint64_t{1} << 20) - 1;
    const uint64_t share = window_share_ >> 20;
    const uint64_t target = (total >> 20) * share + ((total & kLow) * share >> 20);
    return target == 0 ? 1 : target;
  }
  uint64_t ProtectedTarget() const {
    const uint64_t total = Total();
    const uint64_t window = WindowTarget();
    return total < window ? 0 : (total - window) / 5 * 4 + (total - window) % 5 * 4 / 5;
  }

  uint32_t SegmentOf(uint32_t slot) const { return entries_[slot].policy & kSegmentBits; }
  // How often its key was used lately.
  uint32_t CountOf(uint32_t slot) const {
    const uint32_t mark = entries_[slot].policy;
    return (mark >> kCountShift & History::kMax) >> ((mark >> kEpochShift ^ epoch_) & 1);
  }
  void SetMark(uint32_t slot, uint32_t segment, uint32_t count) {
    entries_[slot].policy = (segment | count << kCountShift | epoch_ << kEpochShift) & kAll;
  }

  void Push(uint32_t segment, uint32_t slot) {
    segments_[segment].list.PushTail(entries_, slot);
    segments_[segment].bytes += entries_.Cost(slot);
  }
  void Remove(uint32_t slot) {
    Part& part = segments_[SegmentOf(slot)];
    part.list.Remove(entries_, slot);
    part.bytes -= entries_.Cost(slot);
  }
  // To the end of a segment, as not visited.
  void Move(uint32_t slot, uint32_t segment) {
    Remove(slot);
    SetMark(slot, segment, CountOf(slot));
    Push(segment, slot);
  }
  // The oldest of a segment that is not spared, or kNone.
  uint32_t First(uint32_t segment) const {
    const uint32_t head = segments_[segment].list.head;
    return head == kNone || head != spared_ ? head : entries_[head].next;
  }

  // Time passes: a key was used.
  void Tick() {
    if (++ticks_ >= period_ || halving_) Halve();
  }
  // Halves all counts: at once, but what it takes is done in the course of some calls.
  void Halve() {
    if (!halving_) {
      ticks_ = refreshed_ = 0;
      stale_ = entries_.used();
      epoch_ ^= 1;
      history_.Halve();
    }
    const uint32_t end = stale_ - refreshed_ > kRefreshed ? refreshed_ + kRefreshed : stale_;
    for (; refreshed_ < end; refreshed_++) {
      if (!entries_.IsLive(refreshed_)) continue;
      SetMark(refreshed_, entries_[refreshed_].policy & (kSegmentBits | kVisited), CountOf(refreshed_));
    }
    const bool more = history_.HalveSome();
    halving_ = more || refreshed_ < stale_;
  }

  uint32_t Leaves(uint32_t slot, History::Ghost ghost) {
    history_.Prefetch(entries_[slot].hash);
    leaves_as_ = ghost;
    leaving_ = slot;
    return slot;
  }

  // Learns from the miss of a ghost how large the window should be.
  void Steer(History::Ghost ghost) {
    // With the one that came back.
    const uint64_t rejected = history_.ghosts(History::kRejected) + (ghost == History::kRejected ? 1 : 0);
    const uint64_t displaced = history_.ghosts(History::kDisplaced) + (ghost == History::kDisplaced ? 1 : 0);
    const uint64_t root = SquareRoot(uint64_t{Count() == 0 ? 1 : Count()} << 8);  // In 256ths.
    const uint64_t step = kWhole * 256 / kStepsPerRoot / root;
    if (ghost == History::kRejected) {
      const uint64_t more = displaced > rejected ? step * displaced / rejected : step;
      window_share_ += more / kNarrow * kWiden;
      if (window_share_ > kMaxShare) window_share_ = kMaxShare;
    } else {
      const uint64_t less = rejected > displaced ? step * rejected / displaced : step;
      window_share_ = window_share_ > kMinShare + less ? window_share_ - less : kMinShare;
    }
  }

  // The entry that the main part would give up, or kNone.
  uint32_t MainVictim() {
    for (uint32_t step = 0;; step++) {
      const uint32_t probation = First(kProbation);
      const uint32_t slot = probation != kNone ? probation : First(kProtected);
      if (slot == kNone || step == kMaxSteps || (entries_[slot].policy & kVisited) == 0) return slot;
      Move(slot, kProtected);
      Demote();
    }
  }

  // Whether the candidate stays and the victim leaves.
  bool Wins(uint32_t candidate, uint32_t victim) {
    const uint32_t uses = CountOf(candidate);
    const uint32_t others = CountOf(victim);
    // For a given number of bytes, small entries give more hits and large ones as many bytes from hits as
    // their uses tell; the square root of the size is between the two.
    const bool by_bytes = ByBytes();
    const uint64_t weight = by_bytes ? SquareRoot(entries_.Cost(candidate)) : 1;
    const uint64_t other_weight = by_bytes ? SquareRoot(entries_.Cost(victim)) : 1;
    // A key that was used once is nothing to go by, and a count of kMax may be a higher one.
    uint32_t ahead = others == 0 ? 1 : others + others / kMargin;
    if (ahead >= History::kMax && others < History::kMax) ahead = History::kMax - 1;
    if (uses * other_weight > ahead * weight) return true;
    if (uses < kWarm) return false;
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    return random_ >> 57 == 0;
  }

  // What is too much in the window goes to probation.
  void HandOver() {
    for (uint32_t i = 0; i < kMaxHandedOver && segments_[kWindow].list.size > 1; i++) {
      if (Size(kWindow) <= WindowTarget()) return;
      Move(segments_[kWindow].list.head, kProbation);
    }
  }

  // What is too much on the protected list goes back to probation.
  void Demote() {
    for (uint32_t i = 0; i < kMaxDemotions && segments_[kProtected].list.size > 1; i++) {
      if (Size(kProtected) <= ProtectedTarget()) return;
      const uint32_t slot = segments_[kProtected].list.head;
      Move(slot, (entries_[slot].policy & kVisited) != 0 ? kProtected : kProbation);
    }
  }

  Entries& entries_;
  uint64_t max_entries_;  // 0: no bound.
  uint64_t max_bytes_;
  Part segments_[3];
  History history_;
  uint64_t window_share_ = kFirstShare;
  uint64_t ticks_ = 0;  // Since counts were halved.
  uint64_t period_ = kUsesPerEntry * kMinEntries;
  uint32_t epoch_ = 0;
  // Whether some counts are still to be halved: those of entries from refreshed_ to before stale_ that tell
  // the epoch before, and the history's.
  bool halving_ = false;
  uint32_t refreshed_ = 0;
  uint32_t stale_ = 0;
  Incoming incoming_;
  uint32_t leaving_ = kNone;  // The last victim.
  History::Ghost leaves_as_ = History::kNoGhost;
  uint32_t spared_ = kNone;  // The entry being updated, which is not to make room for itself.
  uint64_t random_ = 1;
};

}  // namespace

Policy* NewAdaptivePolicy(Entries* entries, uint64_t max_entries, uint64_t max_bytes) {
  return New<AdaptivePolicy>(entries, max_entries, max_bytes);
}

}  // namespace tiercel
