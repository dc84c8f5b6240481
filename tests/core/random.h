// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the
// same numbers for a seed everywhere, which the standard library does not promise for its distributions.
#ifndef TIERCEL_TESTS_CORE_RANDOM_H_
#define TIERCEL_TESTS_CORE_RANDOM_H_

#include <cstdint>

namespace tiercel::test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  // 0 to bound - 1.
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>((Next() >> 32) * bound >> 32); }

  // 0 to 1, 1 not included.
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_RANDOM_H_
