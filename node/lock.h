// The lock of a shard: one atomic word, spun on for a moment and then slept on (Drepper, "Futexes are
// tricky", 2011, the second mutex). Not std::mutex, for two reasons: it counts how often a thread found it
// taken, which is the measure of contention, and it needs no symbol of the C library that is newer than Node.
#ifndef TIERCEL_NODE_LOCK_H_
#define TIERCEL_NODE_LOCK_H_

#include <atomic>
#include <cstdint>

namespace tiercel::node {

class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void Acquire() {
    int expected = kFree;
    if (!state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                        std::memory_order_relaxed))
      Wait();
  }
  void Release() {
    if (state_.exchange(kFree, std::memory_order_release) == kWaitedFor) state_.notify_one();
  }

  // How often it was taken when a thread came. To be read by a thread that holds it.
  uint64_t waits() const { return waits_; }

 private:
  enum State : int { kFree, kHeld, kWaitedFor };
  // What is done under it takes about as long as this.
  static constexpr int kSpins = 64;

  void Wait() {
    for (int i = 0; i < kSpins; i++) {
      int expected = kFree;
      if (state_.load(std::memory_order_relaxed) == kFree &&
          state_.compare_exchange_weak(expected, kHeld, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        waits_++;
        return;
      }
      Pause();
    }
    // Whoever slept takes it as if others slept as well: one call to wake nobody is the worst that comes of
    // it.
    while (state_.exchange(kWaitedFor, std::memory_order_acquire) != kFree) state_.wait(kWaitedFor);
    waits_++;
  }

  static void Pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("yield");
#endif
  }

  std::atomic<int> state_ = kFree;  // An int is what a futex is on Linux.
  uint64_t waits_ = 0;              // Guarded by the lock itself.
};

class Hold {
 public:
  explicit Hold(Lock* lock) : lock_(lock) { lock_->Acquire(); }
  ~Hold() { lock_->Release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Lock* const lock_;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_LOCK_H_
