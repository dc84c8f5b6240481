// Sixteen control bytes of the index, compared at once. The three forms give the same masks.
#ifndef TIERCEL_SRC_GROUP_H_
#define TIERCEL_SRC_GROUP_H_

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

namespace tiercel {

// A control byte is kEmpty, kDeleted, or 7 bits of the hash of the item there.
constexpr uint8_t kEmpty = 0x80;
constexpr uint8_t kDeleted = 0xfe;

// Bit i of a mask stands for byte i of the group.
class Group {
 public:
  static constexpr uint32_t kWidth = 16;

#if defined(__SSE2__)
  explicit Group(const uint8_t* control)
      : bytes_(_mm_load_si128(reinterpret_cast<const __m128i*>(control))) {}
  uint32_t Match(uint8_t byte) const {
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(static_cast<char>(byte)))));
  }
  uint32_t MatchFree() const { return static_cast<uint32_t>(_mm_movemask_epi8(bytes_)); }

 private:
  __m128i bytes_;
#elif defined(__wasm_simd128__)
  explicit Group(const uint8_t* control) : bytes_(wasm_v128_load(control)) {}
  uint32_t Match(uint8_t byte) const {
    return wasm_i8x16_bitmask(wasm_i8x16_eq(bytes_, wasm_i8x16_splat(static_cast<int8_t>(byte))));
  }
  uint32_t MatchFree() const { return wasm_i8x16_bitmask(bytes_); }

 private:
  v128_t bytes_;
#else
  explicit Group(const uint8_t* control) : control_(control) {}
  uint32_t Match(uint8_t byte) const {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < kWidth; i++) mask |= static_cast<uint32_t>(control_[i] == byte) << i;
    return mask;
  }
  uint32_t MatchFree() const {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < kWidth; i++) mask |= static_cast<uint32_t>(control_[i] >> 7) << i;
    return mask;
  }

 private:
  const uint8_t* control_;
#endif
};

inline uint32_t LowestBit(uint32_t mask) { return static_cast<uint32_t>(__builtin_ctz(mask)); }

}  // namespace tiercel

#endif  // TIERCEL_SRC_GROUP_H_
