// Strings of JavaScript, stored so that two different ones are never the same: units that all fit a byte
// as Latin-1, any others as UTF-16 with lone surrogates left alone, and a mark that tells the two apart.
#ifndef TIERCEL_SRC_KEY_H_
#define TIERCEL_SRC_KEY_H_

#include <cstdint>
#include <cstring>

#include "memory.h"
#include "siphash.h"

namespace tiercel {

constexpr uint32_t kNone = 0xffffffff;  // No slot, scope, link or load.

// A string of the caller's. Canonical: `wide` only if some unit is above 0xff.
struct Text {
  const uint8_t* data = nullptr;
  uint32_t bytes = 0;
  bool wide = false;
};

// The hash of a string in a space of names: keys of a namespace, namespaces and tags below one.
inline uint32_t HashText(const HashSeed& seed, uint32_t parent, uint32_t kind, const Text& text) {
  uint64_t prefix = parent | (static_cast<uint64_t>(kind) << 32) | (static_cast<uint64_t>(text.wide) << 40);
  return static_cast<uint32_t>(SipHash13(seed, prefix, text.data, text.bytes));
}

// An owned copy of a Text. Trivially copyable, so it has no destructor: whoever holds it calls Release.
class StoredText {
 public:
  // False without memory.
  [[nodiscard]] bool Assign(const Text& text) {
    uint8_t* to = inline_;
    if (text.bytes > kInline) {
      to = static_cast<uint8_t*>(Allocate(text.bytes));
      if (to == nullptr) return false;
      heap_ = to;
    }
    if (text.bytes != 0) std::memcpy(to, text.data, text.bytes);
    bytes_ = text.bytes;
    wide_ = text.wide ? 1 : 0;
    return true;
  }

  void Release() {
    if (bytes_ > kInline) Free(heap_);
    bytes_ = 0;
  }

  Text view() const { return {bytes_ > kInline ? heap_ : inline_, bytes_, wide_ != 0}; }

  bool Equals(const Text& text) const {
    if (bytes_ != text.bytes || (wide_ != 0) != text.wide) return false;
    return bytes_ == 0 || std::memcmp(view().data, text.data, bytes_) == 0;
  }

 private:
  static constexpr uint32_t kInline = 24;

  uint32_t bytes_ = 0;
  uint32_t wide_ = 0;
  union {
    uint8_t inline_[kInline] = {};
    uint8_t* heap_;
  };
};

// Brings a string into its canonical form. Holds the narrowed copy, so the result is good until the next.
class Canonical {
 public:
  // `data` holds `bytes` bytes, an even number if `wide`. False without memory.
  [[nodiscard]] bool Make(const uint8_t* data, uint32_t bytes, bool wide, Text* out) {
    *out = {data, bytes, wide};
    if (!wide) return true;
    for (uint32_t i = 1; i < bytes; i += 2) {
      if (data[i] != 0) return true;
    }
    out->wide = false;
    out->bytes = bytes / 2;
    narrow_.Clear();
    if (!narrow_.Reserve(out->bytes)) return false;
    uint8_t* to = narrow_.data();
    for (uint32_t i = 0; i < out->bytes; i++) to[i] = data[size_t{2} * i];
    out->data = to;
    return true;
  }

 private:
  Vector<uint8_t> narrow_;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_KEY_H_
