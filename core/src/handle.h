// Numbers that stand for objects across the ABI. A handle is slot + generation * 2^20, an exact integer in
// a double; freeing a slot raises its generation, so that an old handle never reads a newer object.
#ifndef TIERCEL_SRC_HANDLE_H_
#define TIERCEL_SRC_HANDLE_H_

#include <cstdint>
#include <limits>

#include "memory.h"
#include "slab.h"

namespace tiercel {

class Cache;

class HandleTable {
 public:
  enum class Kind : uint8_t { kNamespace, kLoad };

  struct Target {
    Cache* cache = nullptr;
    uint32_t id = 0;  // Scope or load, within the cache.
    Kind kind = Kind::kNamespace;
  };

  bool IsFull() const { return records_.size() >= kSlots; }

  // 0 without memory or when full.
  double Open(Kind kind, Cache* cache, uint32_t id) {
    if (IsFull() || !records_.Reserve()) return 0;
    const uint32_t slot = records_.Take();
    Record& record = records_[slot];
    record.target = {cache, id, kind};
    record.generation = next_generation_;
    // Shared by all slots: a slot that is freed and taken at once gets another number all the same.
    next_generation_ = next_generation_ == UINT32_MAX ? 1 : next_generation_ + 1;
    return static_cast<double>(record.generation) * kSlots + slot;
  }

  void Close(double handle) {
    if (handle == recent_handle_) recent_handle_ = kNoHandle;
    records_.Give(static_cast<uint32_t>(static_cast<uint64_t>(handle) % kSlots));
  }

  // The object of a handle of this kind, or nullptr for any other number.
  const Target* Find(double handle, Kind kind) {
    if (handle == recent_handle_ && recent_->target.kind == kind) return &recent_->target;
    if (!(handle >= kSlots && handle < kLimit)) return nullptr;  // NaN fails as well.
    const uint64_t bits = static_cast<uint64_t>(handle);
    const uint32_t slot = bits % kSlots;
    if (static_cast<double>(bits) != handle || !records_.IsLive(slot)) return nullptr;
    const Record& record = records_[slot];
    if (record.generation != bits / kSlots || record.target.kind != kind) return nullptr;
    recent_handle_ = handle;
    recent_ = &record;
    return &record.target;
  }

 private:
  static constexpr uint32_t kSlots = 1U << 20;
  static constexpr double kLimit = 4503599627370496.0;                           // 2^52
  static constexpr double kNoHandle = std::numeric_limits<double>::quiet_NaN();  // Equal to no number.

  struct Record {
    Target target;
    uint32_t generation = 0;
    uint32_t next = kNone;
    bool live = false;
  };

  Slab<Record> records_;
  uint32_t next_generation_ = 1;
  // What was found last, since most calls name the same namespace as the one before. Records never move.
  double recent_handle_ = kNoHandle;
  const Record* recent_ = nullptr;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_HANDLE_H_
