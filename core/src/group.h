// A group of the index: the places of twelve items in one cache line, and their control bytes compared at
// once. The three forms of the comparison give the same masks.
#ifndef TIERCEL_SRC_GROUP_H_
#define TIERCEL_SRC_GROUP_H_

#include <cstdint>

// TIERCEL_SCALAR leaves the vectors of the machine aside.
#if defined(TIERCEL_SCALAR)
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

namespace tiercel {

// All zeros are a group of empty places that no probe passed.
struct alignas(64) Group {
  static constexpr uint32_t kPlaces = 12;

  uint8_t control[kPlaces];  // 0 for an empty place, or Tag(hash) of the item there.
  uint16_t passed;           // Items that lie in a later group of their probe because this one was full; once
                             // it is kMany it stays so.
  uint16_t away;             // Bit i: the item at place i passed groups.
  uint32_t numbers[kPlaces];  // Of the items; anything at an empty place.

  static constexpr uint16_t kMany = 0xffff;

  // Never 0.
  static uint8_t Tag(uint32_t hash) { return static_cast<uint8_t>(0x80 | hash); }

  void Pass() {
    if (passed != kMany) passed++;
  }
  void Unpass() {
    if (passed != kMany) passed--;
  }

  // Bit i of a mask stands for place i.
  uint32_t Match(uint8_t tag) const;
  uint32_t Taken() const;
  uint32_t Empty() const { return ~Taken() & kAll; }

  uint32_t MatchScalar(uint8_t tag) const {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < kPlaces; i++) mask |= static_cast<uint32_t>(control[i] == tag) << i;
    return mask;
  }
  uint32_t TakenScalar() const {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < kPlaces; i++) mask |= static_cast<uint32_t>(control[i] >> 7) << i;
    return mask;
  }

 private:
  // The vectors take in the four bytes after `control` as well.
  static constexpr uint32_t kAll = (1U << kPlaces) - 1;
};
static_assert(sizeof(Group) == 64);

#if defined(TIERCEL_SCALAR)
inline uint32_t Group::Match(uint8_t tag) const { return MatchScalar(tag); }
inline uint32_t Group::Taken() const { return TakenScalar(); }
#elif defined(__SSE2__)
inline uint32_t Group::Match(uint8_t tag) const {
  const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
  const __m128i same = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(tag)));
  return static_cast<uint32_t>(_mm_movemask_epi8(same)) & kAll;
}
inline uint32_t Group::Taken() const {
  const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
  return static_cast<uint32_t>(_mm_movemask_epi8(bytes)) & kAll;
}
#elif defined(__wasm_simd128__)
inline uint32_t Group::Match(uint8_t tag) const {
  const v128_t same = wasm_i8x16_eq(wasm_v128_load(this), wasm_i8x16_splat(static_cast<int8_t>(tag)));
  return static_cast<uint32_t>(wasm_i8x16_bitmask(same)) & kAll;
}
inline uint32_t Group::Taken() const {
  return static_cast<uint32_t>(wasm_i8x16_bitmask(wasm_v128_load(this))) & kAll;
}
#else
inline uint32_t Group::Match(uint8_t tag) const { return MatchScalar(tag); }
inline uint32_t Group::Taken() const { return TakenScalar(); }
#endif

inline uint32_t LowestBit(uint32_t mask) { return static_cast<uint32_t>(__builtin_ctz(mask)); }

}  // namespace tiercel

#endif  // TIERCEL_SRC_GROUP_H_
