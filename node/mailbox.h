// What other threads have for one that opened a shared cache: events that it listens for, and what became of
// loads that it waits for.
#ifndef TIERCEL_NODE_MAILBOX_H_
#define TIERCEL_NODE_MAILBOX_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "lock.h"
#include "tiercel/abi.h"

namespace tiercel::node {

// Bits of what a thread listens for, those of Wanted in js/src/memory/events.ts.
enum Wanted : uint32_t { kHits = 1, kMisses = 2, kSets = 4, kClears = 8, kRemovals = 16 };

struct Event {
  Wanted kind = kRemovals;
  TiercelCause cause = TIERCEL_CAUSE_EXPLICIT;  // Of a removal.
  bool stale = false;                           // Of a hit.
  double count = 0;                             // Of a clear.
  uint32_t key_encoding = TIERCEL_LATIN1;
  uint32_t format = 0;
  std::string path;  // Of the namespace, as tiercel_namespace_path gives it.
  std::string key;
  std::string value;  // Of a set or a removal.
};

// How a load ended that somebody waits for.
struct Outcome {
  enum class Kind : uint8_t {
    kValue,    // `value`, stored or not.
    kNothing,  // The loader returned nothing.
    kFailed,   // `value` tells the error.
    kGone      // Whoever ran the loader is gone, or keeps the result for itself: to be loaded again.
  };

  double load = 0;
  Kind kind = Kind::kGone;
  bool overtaken = false;
  uint32_t format = 0;
  std::string value;
};

// Tells a thread to look into its mailboxes. Called with locks held: it must not wait, nor call back.
class Waker {
 public:
  Waker() = default;
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  virtual void Wake() = 0;

 protected:
  ~Waker() = default;
};

class Mailbox {
 public:
  explicit Mailbox(Waker* waker) : waker_(*waker) {}

  // Drops the event if the thread does not keep up, and counts that. `wake` unless it looks by itself.
  void Post(std::shared_ptr<const Event> event, bool wake) {
    {
      const Hold hold(&lock_);
      const size_t bytes = SizeOf(*event);
      if (events_.size() == kMostEvents || event_bytes_ + bytes > kMostEventBytes) {
        lost_++;
        return;
      }
      event_bytes_ += bytes;
      events_.push_back(std::move(event));
    }
    if (wake) waker_.Wake();
  }

  void Post(std::shared_ptr<const Outcome> outcome) {
    {
      const Hold hold(&lock_);
      outcomes_.push_back(std::move(outcome));
    }
    waker_.Wake();
  }

  uint32_t events() {
    const Hold hold(&lock_);
    return static_cast<uint32_t>(events_.size());
  }
  // The i-th event, nullptr if there is none.
  std::shared_ptr<const Event> EventAt(uint32_t i) {
    const Hold hold(&lock_);
    return i < events_.size() ? events_[i] : nullptr;
  }
  void DropEvents(uint32_t count) {
    const Hold hold(&lock_);
    for (; count != 0 && !events_.empty(); count--) {
      event_bytes_ -= SizeOf(*events_.front());
      events_.pop_front();
    }
  }
  // The next outcome, nullptr if there is none.
  std::shared_ptr<const Outcome> TakeOutcome() {
    const Hold hold(&lock_);
    if (outcomes_.empty()) return nullptr;
    auto outcome = std::move(outcomes_.front());
    outcomes_.pop_front();
    return outcome;
  }
  uint64_t lost() {
    const Hold hold(&lock_);
    return lost_;
  }

 private:
  static constexpr size_t kMostEvents = 65536;
  static constexpr size_t kMostEventBytes = size_t{64} << 20;

  static size_t SizeOf(const Event& event) {
    return sizeof(event) + event.path.size() + event.key.size() + event.value.size();
  }

  Waker& waker_;
  Lock lock_;
  std::deque<std::shared_ptr<const Event>> events_;
  std::deque<std::shared_ptr<const Outcome>> outcomes_;
  size_t event_bytes_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_MAILBOX_H_
