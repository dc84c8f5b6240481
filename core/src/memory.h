// Allocation that may fail. The core never uses throwing `new` for anything that grows with its contents:
// every allocation returns nullptr on failure, and the caller leaves its operation undone.
#ifndef TIERCEL_SRC_MEMORY_H_
#define TIERCEL_SRC_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#if defined(TIERCEL_FAULTS) && defined(__GLIBC__)
#include <malloc.h>
#endif

namespace tiercel {

#ifdef TIERCEL_FAULTS
// Test builds only: makes the n-th allocation from now fail, and counts the blocks alive.
struct AllocationFaults {
  int64_t fail_after = -1;  // Allocations that still succeed; -1: all do.
  bool and_after = false;   // Whether those after the failing one fail too.
  int64_t live = 0;
  uint64_t count = 0;
  int64_t bytes = 0;  // Of them, as the allocator takes them, where it tells.
};

inline AllocationFaults& Faults() {
  static AllocationFaults faults;
  return faults;
}

inline int64_t BlockBytes(void* block) {
#ifdef __GLIBC__
  return static_cast<int64_t>(malloc_usable_size(block) + sizeof(size_t));  // And the size of it before it.
#else
  (void)block;
  return 0;
#endif
}

inline bool AllocationFails() {
  AllocationFaults& f = Faults();
  f.count++;
  if (f.fail_after < 0) return false;
  if (f.fail_after > 0) {
    f.fail_after--;
    return false;
  }
  if (!f.and_after) f.fail_after = -1;
  return true;
}
#endif

inline void* Allocate(size_t bytes) {
#ifdef TIERCEL_FAULTS
  if (AllocationFails()) return nullptr;
  void* p = std::malloc(bytes);
  if (p != nullptr) {
    Faults().live++;
    Faults().bytes += BlockBytes(p);
  }
  return p;
#else
  return std::malloc(bytes);
#endif
}

inline void Free(void* p) {
#ifdef TIERCEL_FAULTS
  if (p != nullptr) {
    Faults().live--;
    Faults().bytes -= BlockBytes(p);
  }
#endif
  std::free(p);
}

// Gives back what a block has beyond `bytes`, at least one of them. It may lie elsewhere after. nullptr, and
// it is as it was, if the allocator would not.
inline void* Shrink(void* p, size_t bytes) {
#ifdef TIERCEL_FAULTS
  const int64_t before = BlockBytes(p);
  void* shrunk = AllocationFails() ? nullptr : std::realloc(p, bytes);
  if (shrunk != nullptr) Faults().bytes += BlockBytes(shrunk) - before;
  return shrunk;
#else
  return std::realloc(p, bytes);
#endif
}

template <typename T, typename... Args>
T* New(Args&&... args) {
  void* p = Allocate(sizeof(T));
  return p == nullptr ? nullptr : new (p) T(std::forward<Args>(args)...);
}

template <typename T>
void Delete(T* p) {
  if (p == nullptr) return;
  p->~T();
  Free(p);
}

// A growing array of trivially copyable items whose growth may fail.
template <typename T>
class Vector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Vector() = default;
  Vector(const Vector&) = delete;
  Vector& operator=(const Vector&) = delete;
  ~Vector() { Free(items_); }

  // Makes room for `capacity` items in all. False, and nothing changed, without memory.
  [[nodiscard]] bool Reserve(size_t capacity) {
    if (capacity <= capacity_) return true;
    size_t wanted = capacity_ == 0 ? 8 : capacity_ * 2;
    if (wanted < capacity) wanted = capacity;
    T* items = static_cast<T*>(Allocate(wanted * sizeof(T)));
    if (items == nullptr) return false;
    if (size_ != 0) std::memcpy(items, items_, size_ * sizeof(T));
    Free(items_);
    items_ = items;
    capacity_ = wanted;
    return true;
  }

  [[nodiscard]] bool Push(const T& item) {
    if (!Reserve(size_ + 1)) return false;
    items_[size_++] = item;
    return true;
  }

  // Appends `n` items with no contents yet.
  [[nodiscard]] bool Grow(size_t n) {
    if (!Reserve(size_ + n)) return false;
    size_ += n;
    return true;
  }

  void Pop() { size_--; }
  void Clear() { size_ = 0; }
  // Gives the memory back as well.
  void Reset() {
    Free(items_);
    items_ = nullptr;
    size_ = capacity_ = 0;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return items_; }
  const T* data() const { return items_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  T& back() { return items_[size_ - 1]; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_MEMORY_H_
