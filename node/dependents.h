// Which shards have entries or loads that depend on a key, so that a change of it is passed on there and not
// to all. By the key's hash, as an upper bound: keys of one place are taken for one another, and a shard is
// only forgotten when the whole cache is cleared.
//
// Invariant: a shard's bit is set while a lock is held that a change of the key has to take as well, the
// key's own shard's or that of another in the same place. So whoever holds the locks of the key's shard and
// of those found here, and finds no others here then, knows them all.
#ifndef TIERCEL_NODE_DEPENDENTS_H_
#define TIERCEL_NODE_DEPENDENTS_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace tiercel::node {

class Dependents {
 public:
  static constexpr uint32_t kMaxShards = 16;

  Dependents() = default;
  ~Dependents() { std::free(places_.load()); }
  Dependents(const Dependents&) = delete;
  Dependents& operator=(const Dependents&) = delete;

  // As a set of bits.
  uint32_t ShardsFor(uint32_t hash) const {
    const Place* places = places_.load(std::memory_order_acquire);
    return places == nullptr ? 0 : places[PlaceOf(hash)].load(std::memory_order_relaxed);
  }

  // False without memory, and then nothing may come to depend on the key.
  [[nodiscard]] bool Add(uint32_t hash, uint32_t shard) {
    Place* places = places_.load(std::memory_order_acquire);
    if (places == nullptr) {
      auto* fresh = static_cast<Place*>(std::malloc(kPlaces * sizeof(Place)));
      if (fresh == nullptr) return false;
      for (uint32_t i = 0; i < kPlaces; i++) new (fresh + i) Place(0);
      if (places_.compare_exchange_strong(places, fresh, std::memory_order_acq_rel)) {
        places = fresh;
      } else {
        std::free(fresh);
      }
    }
    places[PlaceOf(hash)].fetch_or(static_cast<uint16_t>(1U << shard), std::memory_order_relaxed);
    return true;
  }

  // With all locks held, when nothing depends on anything any more.
  void Clear() {
    Place* places = places_.load(std::memory_order_acquire);
    for (uint32_t i = 0; places != nullptr && i < kPlaces; i++) places[i].store(0, std::memory_order_relaxed);
  }

 private:
  using Place = std::atomic<uint16_t>;
  static constexpr uint32_t kPlaces = 1U << 16;
  static_assert(kMaxShards <= 16, "a bit for each shard");

  // The low bits: the high ones have chosen the shard.
  static uint32_t PlaceOf(uint32_t hash) { return hash % kPlaces; }

  std::atomic<Place*> places_ = nullptr;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_DEPENDENTS_H_
