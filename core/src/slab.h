// Items in chunks that never move, named by a 32-bit number. Freed numbers are given out again, last first.
#ifndef TIERCEL_SRC_SLAB_H_
#define TIERCEL_SRC_SLAB_H_

#include <cstdint>

#include "key.h"
#include "memory.h"

namespace tiercel {

// T has a member `uint32_t next`, which chains the free items, and `bool live`.
template <typename T, uint32_t kChunkBits = 8>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    for (T* chunk : chunks_) Free(chunk);
  }

  T& operator[](uint32_t i) { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  const T& operator[](uint32_t i) const { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }

  // Makes sure that the next `n` calls of Take succeed. False without memory, or past 2^31 items.
  [[nodiscard]] bool Reserve(uint32_t n = 1) {
    while (capacity() - size_ < n) {
      if (capacity() >= kMaxItems || !chunks_.Reserve(chunks_.size() + 1)) return false;
      T* chunk = static_cast<T*>(Allocate(sizeof(T) * kChunk));
      if (chunk == nullptr) return false;
      for (uint32_t i = 0; i < kChunk; i++) new (&chunk[i]) T();
      (void)chunks_.Push(chunk);  // Reserved above.
    }
    return true;
  }

  // A new item as T() makes it. Reserve must have succeeded.
  uint32_t Take() {
    uint32_t i = free_;
    if (i == kNone) {
      i = used_++;
    } else {
      free_ = (*this)[i].next;
    }
    T& item = (*this)[i];
    item = T();
    item.live = true;
    size_++;
    return i;
  }

  void Give(uint32_t i) {
    T& item = (*this)[i];
    item.live = false;
    item.next = free_;
    free_ = i;
    size_--;
  }

  bool IsLive(uint32_t i) const { return i < used_ && (*this)[i].live; }

  uint32_t size() const { return size_; }
  // Numbers below this were given out at some time.
  uint32_t used() const { return used_; }

 private:
  static constexpr uint32_t kChunk = 1U << kChunkBits;
  static constexpr uint32_t kMaxItems = 1U << 31;

  uint32_t capacity() const { return static_cast<uint32_t>(chunks_.size()) << kChunkBits; }

  Vector<T*> chunks_;
  uint32_t size_ = 0;
  uint32_t used_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_SLAB_H_
