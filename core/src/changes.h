// When keys changed last, by their hashes: an upper bound in constant memory. A key shares its place with
// others, so it may seem to have changed when another did, which costs a value that is not kept; the reverse
// never happens.
//
// It is kept only once somebody asks for it: loads that turn out to depend on keys, and snapshots.
#ifndef TIERCEL_SRC_CHANGES_H_
#define TIERCEL_SRC_CHANGES_H_

#include <cstdint>

#include "memory.h"

namespace tiercel {

class Changes {
 public:
  Changes() = default;
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  ~Changes() { Free(newest_); }

  // Begins to tell keys apart. Without memory it goes on to take every change for one of the key asked for.
  void Start() {
    if (newest_ != nullptr) return;
    newest_ = static_cast<uint64_t*>(Allocate(kPlaces * sizeof(uint64_t)));
    if (newest_ != nullptr) Restart();
  }

  // Hashes changed: what happened until now may have happened to any key.
  void Restart() {
    for (uint32_t i = 0; newest_ != nullptr && i < kPlaces; i++) newest_[i] = last_;
  }

  void Note(uint32_t hash, uint64_t sequence) {
    last_ = sequence;
    if (newest_ != nullptr) newest_[Place(hash)] = sequence;
  }

  // No change of the key is newer than this.
  uint64_t Newest(uint32_t hash) const { return newest_ == nullptr ? last_ : newest_[Place(hash)]; }

 private:
  static constexpr uint32_t kPlaces = 4096;

  static uint32_t Place(uint32_t hash) { return hash % kPlaces; }

  uint64_t* newest_ = nullptr;
  uint64_t last_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_CHANGES_H_
