// The packed list of strings of the ABI: for each a u32 of (bytes * 4 + kind * 2 + encoding), its bytes, and
// zeros up to a multiple of 4. The highest bit of the u32 marks a name as inherited.
#ifndef TIERCEL_SRC_PACKED_H_
#define TIERCEL_SRC_PACKED_H_

#include <cstdint>
#include <cstring>

#include "key.h"

namespace tiercel {

constexpr uint32_t kPackedInherited = 0x80000000;
constexpr uint32_t kPackedKey = 2;

class PackedReader {
 public:
  PackedReader(const uint8_t* data, uint32_t bytes) : at_(data), left_(bytes) {}

  bool done() const { return left_ == 0; }

  // The next string, as it stands. False if the list is malformed.
  [[nodiscard]] bool Next(const uint8_t** data, uint32_t* bytes, uint32_t* encoding, uint32_t* kind,
                          bool* inherited) {
    if (left_ < sizeof(uint32_t)) return false;
    uint32_t head = 0;
    std::memcpy(&head, at_, sizeof(head));
    *bytes = (head & ~kPackedInherited) >> 2;
    *inherited = (head & kPackedInherited) != 0;
    *kind = (head >> 1) & 1;
    *encoding = head & 1;
    const uint64_t padded = (uint64_t{*bytes} + 3) & ~uint64_t{3};
    if (padded > left_ - sizeof(head)) return false;
    *data = at_ + sizeof(head);
    at_ += sizeof(head) + padded;
    left_ -= static_cast<uint32_t>(sizeof(head) + padded);
    return true;
  }

 private:
  const uint8_t* at_;
  uint32_t left_;
};

// Appends a string to a packed list; `marks` are of the two above. False, and nothing changed, without
// memory.
[[nodiscard]] inline bool PackedAppend(Vector<uint8_t>* list, const Text& text, uint32_t marks = 0) {
  const uint32_t head = (text.bytes << 2) | (text.wide ? 1U : 0U) | marks;
  const uint32_t padding = (4 - (text.bytes & 3)) & 3;
  if (!list->Reserve(list->size() + sizeof(head) + text.bytes + padding)) return false;
  const auto append = [list](const void* from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) (void)list->Push(static_cast<const uint8_t*>(from)[i]);  // Reserved.
  };
  constexpr uint8_t kZeros[3] = {};
  append(&head, sizeof(head));
  append(text.data, text.bytes);
  append(kZeros, padding);
  return true;
}

}  // namespace tiercel

#endif  // TIERCEL_SRC_PACKED_H_
