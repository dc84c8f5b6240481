// Strings of JavaScript, stored so that two different ones are never the same: units that all fit a byte
// as Latin-1, any others as UTF-16 with lone surrogates left alone, and a mark that tells the two apart.
#ifndef TIERCEL_SRC_KEY_H_
#define TIERCEL_SRC_KEY_H_

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "memory.h"
#include "siphash.h"

namespace tiercel {

constexpr uint32_t kNone = 0xffffffff;  // No slot, scope, link or load.

// As memcmp, which some platforms' libraries do byte by byte.
inline bool EqualBytes(const uint8_t* a, const uint8_t* b, uint32_t bytes) {
  const auto differ = [a, b](uint32_t at, auto word) {
    auto other = word;
    std::memcpy(&word, a + at, sizeof(word));
    std::memcpy(&other, b + at, sizeof(other));
    return word != other;
  };
  if (bytes < 8) {
    if (bytes >= 4) return !differ(0, uint32_t{}) && !differ(bytes - 4, uint32_t{});
    for (uint32_t i = 0; i < bytes; i++) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  for (uint32_t i = 0; i + 8 < bytes; i += 8) {
    if (differ(i, uint64_t{})) return false;
  }
  return !differ(bytes - 8, uint64_t{});  // The last word overlaps the one before.
}

// A string of the caller's. Canonical: `wide` only if some unit is above 0xff.
struct Text {
  const uint8_t* data = nullptr;
  uint32_t bytes = 0;
  bool wide = false;

  bool Equals(const Text& other) const {
    return bytes == other.bytes && wide == other.wide && EqualBytes(data, other.data, bytes);
  }
};

// Up to 4 Latin-1 units as UTF-16, in a word.
inline uint64_t Widen(const uint8_t* units, uint32_t count) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < count; i++) word |= static_cast<uint64_t>(units[i]) << (16 * i);
  return word;
}

// The hash of a string in a space of names: keys of a namespace, namespaces and tags below one.
inline uint32_t HashText(const HashSeed& seed, uint32_t parent, uint32_t kind, const Text& text) {
  uint64_t prefix = parent | (static_cast<uint64_t>(kind) << 32) | (static_cast<uint64_t>(text.wide) << 40);
  return static_cast<uint32_t>(SipHash13(seed, prefix, text.data, text.bytes));
}

// The same of keys, the most usual of which have a prefix of zeros: that is absorbed once.
class KeyHash {
 public:
  explicit KeyHash(const HashSeed& seed = {}) : seed_(seed), narrow_root_(SipPrefixed(seed, 0)) {}

  const HashSeed& seed() const { return seed_; }

  uint32_t operator()(uint32_t ns, const Text& key) const {
    if (ns != 0 || key.wide) return HashText(seed_, ns, 0, key);
    return static_cast<uint32_t>(SipFinish<1, 3>(narrow_root_, key.data, key.bytes, sizeof(uint64_t)));
  }

 private:
  HashSeed seed_;
  SipState narrow_root_;
};

// The hash that distributes names over stripes: of the UTF-16 units, whichever way they are stored, so that
// none has to be copied before it is known where it goes. `parent` is that of the namespace, 0 for the root.
inline uint32_t StripeHash(const HashSeed& seed, uint32_t parent, const Text& text) {
  constexpr uint64_t kStripe =
      0xff;  // In place of a kind of name, so that it has nothing of an index's hashes.
  SipState state(seed);
  state.Absorb<1>(parent | (kStripe << 32));
  if (text.wide)
    return static_cast<uint32_t>(SipFinish<1, 3>(state, text.data, text.bytes, sizeof(uint64_t)));
  const uint8_t* from = text.data;
  uint32_t left = text.bytes;
  for (; left >= 4; left -= 4, from += 4) state.Absorb<1>(Widen(from, 4));
  uint8_t tail[sizeof(uint64_t)] = {};
  const uint64_t last = Widen(from, left);
  std::memcpy(tail, &last, sizeof(tail));
  return static_cast<uint32_t>(
      SipFinish<1, 3>(state, tail, size_t{2} * left, sizeof(uint64_t) + size_t{2} * (text.bytes - left)));
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
    return EqualBytes(view().data, text.data, bytes_);
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
    narrow_.Clear();
    // A word more than it needs, so that the last may be written whole.
    if (!narrow_.Reserve(bytes / 2 + kUnits)) return false;
    if (Narrow(data, bytes / 2, narrow_.data())) *out = {narrow_.data(), bytes / 2, false};
    return true;
  }

  // Takes a copy of what Make gave, which is good until the next. False without memory.
  [[nodiscard]] bool Keep(Text* text) {
    if (text->data == narrow_.data() || text->bytes == 0) return true;
    narrow_.Clear();
    if (!narrow_.Reserve(text->bytes)) return false;
    std::memcpy(narrow_.data(), text->data, text->bytes);
    text->data = narrow_.data();
    return true;
  }

 private:
  static constexpr uint32_t kUnits = 4;  // In a word.

  // Writes the low bytes of the units. Whether these are all there is to them.
  static bool Narrow(const uint8_t* data, uint32_t units, uint8_t* to) {
#if defined(__SSE2__)
    // Node-API hands out UTF-16 alone, so that on the native engine this is part of every call.
    if (units >= kVector) return NarrowVectors(data, units, to);
#endif
    uint64_t seen = 0;
    for (uint32_t i = 0; i < units; i += kUnits, data += sizeof(uint64_t)) {
      uint64_t word =
          units - i >= kUnits ? LoadLittleEndian64(data) : LoadTail(data, size_t{2} * (units - i));
      seen |= word;
      word = (word | (word >> 8)) & 0x0000ffff0000ffff;
      const uint32_t narrow = static_cast<uint32_t>(word | (word >> 16));
      std::memcpy(to + i, &narrow, sizeof(narrow));
    }
    return (seen & 0xff00ff00ff00ff00) == 0;
  }

#if defined(__SSE2__)
  static constexpr uint32_t kVector = 8;  // Units in a vector.

  // The last vector overlaps the one before.
  static bool NarrowVectors(const uint8_t* data, uint32_t units, uint8_t* to) {
    __m128i seen = _mm_setzero_si128();
    for (uint32_t i = 0;; i = i + kVector < units - kVector ? i + kVector : units - kVector) {
      const __m128i vector = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + size_t{2} * i));
      seen = _mm_or_si128(seen, vector);
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + i), _mm_packus_epi16(vector, vector));
      if (i == units - kVector) break;
    }
    const __m128i high = _mm_srli_epi16(seen, 8);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(high, _mm_setzero_si128())) == 0xffff;
  }
#endif

  Vector<uint8_t> narrow_;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_KEY_H_
