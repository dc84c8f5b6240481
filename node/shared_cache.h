// One cache for all threads of a process: shards, each of them a cache of the core with a lock of its own.
//
// A key is in the shard that a hash of it and its namespace says, independent of the hashes inside. What
// concerns one key takes that shard's lock; what concerns all (tags, prefixes, patterns, namespaces, clear,
// resize, iterate) takes all locks, always in the order of the shards, does its work on each and lets go: so
// it is atomic, no thread sees one shard before it and another after. An entry that depends on keys takes the
// locks of their shards as well and has their names from there; a key that others depend on takes those of
// its dependents' shards, see dependents.h.
//
// A load in flight belongs to the shard of its key, and there to the thread that runs the loader. Others that
// join it are told what it came to, or that its thread is gone.
//
// All this is free of Node: tests run it under ThreadSanitizer.
#ifndef TIERCEL_NODE_SHARED_CACHE_H_
#define TIERCEL_NODE_SHARED_CACHE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "dependents.h"
#include "lock.h"
#include "mailbox.h"
#include "packed_list.h"
#include "tiercel/abi.h"

namespace tiercel::node {

class Connection;

// A load in flight. Its number is that of its shard, plus 16 times a number that counts.
struct SharedLoad {
  double handle = 0;  // On the shard.
  Connection* owner = nullptr;
  std::vector<Connection*> waiters;
  // What R_SEQUENCE of each shard was when it began, so that each can tell what has changed since.
  std::array<double, Dependents::kMaxShards> since = {};
  std::string path;  // Of the namespace.
  std::string key;
  uint32_t key_encoding = TIERCEL_LATIN1;
  uint32_t hash = 0;
};

// Each in an allocation of its own, and larger than a line: what one thread does to it disturbs no other.
struct Shard {
  Lock lock;
  // Guarded by the lock.
  TiercelEngine* engine = nullptr;
  double root = 0;
  double registers[TIERCEL_REGISTERS] = {};
  std::unordered_map<double, SharedLoad> loads;  // By number.
  std::unordered_map<double, double> numbers;    // Of loads, by handle.
  // What the registers said last, for those that do not hold the lock.
  std::atomic<double> entries = 0;
  std::atomic<double> bytes = 0;
  std::atomic<double> next_due = std::numeric_limits<double>::infinity();
  std::atomic<double> sequence = 0;

  void Publish() {
    entries.store(registers[TIERCEL_R_ENTRIES], std::memory_order_relaxed);
    bytes.store(registers[TIERCEL_R_BYTES], std::memory_order_relaxed);
    next_due.store(registers[TIERCEL_R_NEXT_DUE], std::memory_order_relaxed);
    sequence.store(registers[TIERCEL_R_SEQUENCE], std::memory_order_relaxed);
  }
};

// What a cache is made of.
struct SharedOptions {
  std::vector<std::string> shards;  // The core's options of each: a power of two of them, at most kMaxShards.
  std::string solo;                 // The same for a cache without entries, for what concerns none.
  uint8_t seed[TIERCEL_SEED_BYTES] = {};
  bool own_clock = false;  // Whether all threads go by the caller's clock.
};

class SharedCache {
 public:
  static constexpr uint32_t kMaxShards = Dependents::kMaxShards;

  // nullptr without memory, or if the core refused the options: then `fault` says why.
  static std::unique_ptr<SharedCache> Open(const SharedOptions& options, std::string* fault);
  ~SharedCache();
  SharedCache(const SharedCache&) = delete;
  SharedCache& operator=(const SharedCache&) = delete;

  const SharedOptions& options() const { return options_; }
  const uint8_t* seed() const { return options_.seed; }
  uint32_t shard_count() const { return count_; }
  uint32_t AllShards() const { return (1U << count_) - 1; }
  Shard& shard(uint32_t i) { return *shards_[i]; }

  // What is known of a shard without its lock, which is held now.
  void Publish(uint32_t i) {
    Shard& shard = *shards_[i];
    shard.Publish();
    const uint32_t bit = 1U << i;
    const bool was_due = (due_.load(std::memory_order_relaxed) & bit) != 0;
    const bool is_due =
        shard.next_due.load(std::memory_order_relaxed) != std::numeric_limits<double>::infinity();
    if (was_due == is_due) return;
    if (is_due) {
      due_.fetch_or(bit, std::memory_order_release);
    } else {
      due_.fetch_and(~bit, std::memory_order_release);
    }
  }

  uint32_t Hash(uint32_t ns_hash, const Name& key) const {
    return tiercel_stripe(options_.seed, ns_hash, key.data, key.bytes, key.encoding);
  }
  uint32_t ShardOf(uint32_t hash) const { return static_cast<uint32_t>(uint64_t{hash} * count_ >> 32); }

  Dependents& dependents() { return dependents_; }

  // Milliseconds of a clock that is the same for all threads.
  static double Clock();
  // The time for a call that was given `now`: 0 says that the thread knows of nothing that has a time.
  double Now(double now) {
    if (options_.own_clock) return Latest(now);
    if (now > 0 && !timed_.load(std::memory_order_relaxed)) timed_.store(true, std::memory_order_relaxed);
    return timed_.load(std::memory_order_relaxed) ? Clock() : 0;
  }

  // The latest time that a thread has told, for shards that have not heard of it: a clock does not step back.
  double Latest(double now) {
    double latest = latest_.load(std::memory_order_relaxed);
    while (now > latest && !latest_.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {
    }
    return now > latest ? now : latest;
  }

  // Sums over the shards, as they were last published.
  double entries() const;
  double bytes() const;
  // When a shard, or an invalidation yet to come, is next due.
  double next_due() const;

  double NewLoad(uint32_t shard) {
    return static_cast<double>(next_load_.fetch_add(1, std::memory_order_relaxed) * kMaxShards + shard);
  }
  static uint32_t ShardOfLoad(double load) {
    return load >= 0 && load < 9007199254740992.0
               ? static_cast<uint32_t>(static_cast<uint64_t>(load) % kMaxShards)
               : kMaxShards;
  }

  // Those that have the cache open. Changed with all locks held, read with any.
  std::vector<Connection*>& connections() { return connections_; }
  // What any of them listens for, but one. Guarded as they are.
  uint32_t WantedBeside(const Connection* one) const;
  // Whether there is anybody who listens: looked at before an event is made.
  bool HasListeners() const { return has_listeners_; }
  // To be called when that has changed, with all locks held.
  void WantedChanged();
  // Posts to all but `actor` that listen for events of this kind.
  void Tell(const Connection* actor, std::shared_ptr<const Event> event);
  // Tells listeners what left the shard, whose lock is held.
  void TellRemovals(uint32_t shard, const Connection* actor);

  // Invalidations yet to come, of keys of any namespace.
  struct Appointment {
    double due = 0;
    std::string path;
    std::string key;
    uint32_t key_encoding = TIERCEL_LATIN1;
    bool operator<(const Appointment& other) const { return due > other.due; }  // The next one first.
  };
  // False if too many wait.
  [[nodiscard]] bool Schedule(Appointment appointment);
  bool HasAppointments() const {
    return next_appointment_.load(std::memory_order_acquire) != std::numeric_limits<double>::infinity();
  }
  // Takes out the next one, if it is due.
  bool TakeAppointment(double now, Appointment* appointment);

 private:
  static constexpr size_t kMostAppointments = size_t{1} << 20;

  explicit SharedCache(const SharedOptions& options) : options_(options) {}

  const SharedOptions options_;
  uint32_t count_ = 0;
  std::array<std::unique_ptr<Shard>, kMaxShards> shards_;
  Dependents dependents_;
  // Shards that have something due: the others need not be looked at, which are in the cache of other
  // processors.
  std::atomic<uint32_t> due_ = 0;
  std::atomic<bool> timed_ = false;  // Whether anything has a time.
  std::atomic<double> latest_ = 0;   // Of the caller's clock.
  std::atomic<uint64_t> next_load_ = 1;
  std::vector<Connection*> connections_;
  bool has_listeners_ = false;
  Lock schedule_lock_;
  std::priority_queue<Appointment> schedule_;
  std::atomic<double> next_appointment_ = std::numeric_limits<double>::infinity();
};

// Holds the locks of some shards.
class Locked {
 public:
  // Those in a set of bits.
  Locked(SharedCache* cache, uint32_t shards) : cache_(*cache), shards_(shards) { Acquire(); }
  // Those, and those of the dependents of the key with that hash.
  Locked(SharedCache* cache, uint32_t shards, uint32_t hash)
      : cache_(*cache), shards_(shards | cache->dependents().ShardsFor(hash)) {
    Acquire();
    while (Add(cache_.dependents().ShardsFor(hash))) {
    }
  }
  ~Locked() { Release(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  // Sees to it that those are among them. True if they were not: then all were let go of for a moment.
  bool Add(uint32_t shards) {
    if ((shards & ~shards_) == 0) return false;
    Release();
    shards_ |= shards;
    Acquire();
    return true;
  }

 private:
  void Acquire() {
    for (uint32_t left = shards_; left != 0; left &= left - 1) cache_.shard(First(left)).lock.Acquire();
  }
  void Release() {
    for (uint32_t left = shards_; left != 0; left &= left - 1) cache_.shard(First(left)).lock.Release();
  }
  static uint32_t First(uint32_t bits) { return static_cast<uint32_t>(__builtin_ctz(bits)); }

  SharedCache& cache_;
  uint32_t shards_;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_SHARED_CACHE_H_
