#include "siphash.h"

#include <cstring>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

std::vector<uint8_t> Counting(size_t length) {
  std::vector<uint8_t> bytes(length);
  for (size_t i = 0; i < length; i++) bytes[i] = static_cast<uint8_t>(i);
  return bytes;
}

template <int kC, int kD>
uint64_t HashCounting(const HashSeed& seed, size_t length) {
  const std::vector<uint8_t> bytes = Counting(length);
  return SipHash<kC, kD>(seed, bytes.data(), bytes.size());
}

}  // namespace

TEST_CASE("SipHash-2-4 gives the vectors of its authors") {
  // The output for the input 00 01 02 ... of each length, under the key 00 01 ... 0f; byte by byte, as in
  // vectors.h of the reference implementation.
  static constexpr uint8_t kVectors[][8] = {
      {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72}, {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
      {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d}, {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
      {0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf}, {0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
      {0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb}, {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
      {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93}, {0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
      {0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a}, {0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
      {0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
  };
  const HashSeed seed = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  for (size_t length = 0; length < sizeof(kVectors) / sizeof(kVectors[0]); length++) {
    REQUIRE(HashCounting<2, 4>(seed, length) == LoadLittleEndian64(kVectors[length]));
  }
  REQUIRE(HashCounting<2, 4>(seed, 15) == 0xa129ca6149be45e5);
}

TEST_CASE("SipHash-1-3 hashes as CPython does") {
  // hash(bytes(range(n))) of CPython 3.11 with PYTHONHASHSEED=0, which is a key of zeros ...
  static constexpr uint64_t kZeroKey[] = {
      0x68a914128e01e473, 0x010bac45c41e3669, 0x4d4c9a4a8ef6e0ad, 0x7cc43f98813e4dbd,
      0x5abe2169dff36275, 0xe3c25f87624f1cdb, 0x2f098ab0c751325a, 0xead411e67ebe2eea,
      0x75927f9d95124362, 0xaf9f77a65ab51a1d, 0xfe64ce8b6617fcff, 0xa6baf4fb0f9fe1c2,
      0xa0cf3211850f8e0d, 0x7f86049379fbfe67, 0xf30eb725bb91c9ea, 0x8972188433a5c5b7,
  };
  for (size_t i = 0; i < sizeof(kZeroKey) / sizeof(kZeroKey[0]); i++) {
    REQUIRE(HashCounting<1, 3>({0, 0}, i + 1) == kZeroKey[i]);
  }
  // ... and with PYTHONHASHSEED=42.
  const HashSeed seed = {0xdc504fd368cd90af, 0xb920bb9ffe99e9c1};
  REQUIRE(HashCounting<1, 3>(seed, 1) == 0xce880c366bcf3489);
  REQUIRE(HashCounting<1, 3>(seed, 7) == 0xce280fabc397fbda);
  REQUIRE(HashCounting<1, 3>(seed, 8) == 0x60866c3c108c6afb);
  REQUIRE(HashCounting<1, 3>(seed, 15) == 0x94ace24d68c18cf8);
  REQUIRE(HashCounting<1, 3>(seed, 33) == 0x0c2f62fe705a39bc);
}

TEST_CASE("a prefix is hashed as eight bytes before the data") {
  Random random(1);
  for (size_t length = 0; length < 40; length++) {
    const HashSeed seed = {random.Next(), random.Next()};
    const uint64_t prefix = random.Next();
    std::vector<uint8_t> joined(sizeof(prefix));
    std::memcpy(joined.data(), &prefix, sizeof(prefix));
    const std::vector<uint8_t> data = Counting(length);
    joined.insert(joined.end(), data.begin(), data.end());
    REQUIRE(SipHash13(seed, prefix, data.data(), data.size()) ==
            SipHash<1, 3>(seed, joined.data(), joined.size()));
  }
}

}  // namespace tiercel::test
