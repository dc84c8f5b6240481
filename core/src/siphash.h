// SipHash-c-d, a keyed hash that stays collision resistant against chosen input (Aumasson and Bernstein,
// "SipHash: a fast short-input PRF", 2012). Tables use SipHash-1-3, the variant of Rust and Python dicts.
// Faster unkeyed or wyhash-class functions have collisions that hold for every seed.
#ifndef TIERCEL_SRC_SIPHASH_H_
#define TIERCEL_SRC_SIPHASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tiercel {

struct HashSeed {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

inline uint64_t LoadLittleEndian64(const uint8_t* p) {
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof(word));  // Every target is little-endian: x86-64, arm64, wasm.
  return word;
}

// Fewer than 8 bytes as such a word, zeros above. Two loads that may overlap, instead of a loop whose length
// the branch predictor would have to guess for each key.
inline uint64_t LoadTail(const uint8_t* p, size_t length) {
  if (length >= 4) {
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, p, sizeof(low));
    std::memcpy(&high, p + length - sizeof(high), sizeof(high));
    return low | (static_cast<uint64_t>(high) << (8 * (length - sizeof(high))));
  }
  if (length == 0) return 0;
  // The first, the middle and the last of at most 3, some of which may be the same.
  return p[0] | (static_cast<uint64_t>(p[length / 2]) << (8 * (length / 2))) |
         (static_cast<uint64_t>(p[length - 1]) << (8 * (length - 1)));
}

class SipState {
 public:
  explicit SipState(const HashSeed& seed)
      : v0_(seed.k0 ^ 0x736f6d6570736575U),
        v1_(seed.k1 ^ 0x646f72616e646f6dU),
        v2_(seed.k0 ^ 0x6c7967656e657261U),
        v3_(seed.k1 ^ 0x7465646279746573U) {}

  template <int kRounds>
  void Absorb(uint64_t word) {
    v3_ ^= word;
    Rounds<kRounds>();
    v0_ ^= word;
  }

  template <int kRounds>
  uint64_t Finish() {
    v2_ ^= 0xff;
    Rounds<kRounds>();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  static uint64_t RotateLeft(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

  template <int kRounds>
  void Rounds() {
    for (int i = 0; i < kRounds; i++) {
      v0_ += v1_;
      v1_ = RotateLeft(v1_, 13) ^ v0_;
      v0_ = RotateLeft(v0_, 32);
      v2_ += v3_;
      v3_ = RotateLeft(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = RotateLeft(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = RotateLeft(v1_, 17) ^ v2_;
      v2_ = RotateLeft(v2_, 32);
    }
  }

  uint64_t v0_, v1_, v2_, v3_;
};

// Absorbs the bytes and the closing block; `absorbed` is how many bytes went in before them. Always inline:
// the state of a call would go through memory.
template <int kC, int kD>
[[gnu::always_inline]] inline uint64_t SipFinish(SipState state, const uint8_t* data, size_t length,
                                                 size_t absorbed) {
  const uint8_t* end = data + (length & ~size_t{7});
  for (; data != end; data += 8) state.Absorb<kC>(LoadLittleEndian64(data));
  const uint64_t last = static_cast<uint64_t>(absorbed + length) << 56;
  state.Absorb<kC>(last | LoadTail(data, length & 7));
  return state.Finish<kD>();
}

template <int kC, int kD>
uint64_t SipHash(const HashSeed& seed, const uint8_t* data, size_t length) {
  return SipFinish<kC, kD>(SipState(seed), data, length, 0);
}

// The state of SipHash-1-3 after an 8-byte prefix.
inline SipState SipPrefixed(const HashSeed& seed, uint64_t prefix) {
  SipState state(seed);
  state.Absorb<1>(prefix);
  return state;
}

// SipHash-1-3 of an 8-byte prefix followed by the data.
inline uint64_t SipHash13(const HashSeed& seed, uint64_t prefix, const uint8_t* data, size_t length) {
  return SipFinish<1, 3>(SipPrefixed(seed, prefix), data, length, sizeof(prefix));
}

}  // namespace tiercel

#endif  // TIERCEL_SRC_SIPHASH_H_
