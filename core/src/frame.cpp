#include "frame.h"

#include <cstring>

#include "key.h"
#include "packed.h"
#include "siphash.h"

namespace tiercel {
namespace {

// The first byte is in no text of UTF-8. The last is the version.
constexpr uint8_t kMagic[4] = {0xf5, 'T', 'C', TIERCEL_FRAME_VERSION};

constexpr HashSeed kChecksumKey = {0x7469657263656c31, 0x6672616d65207631};

// Lengths of lists, in the order of the lists themselves; the last is that of the payload.
constexpr uint32_t kLists = 4;
constexpr uint32_t kPlace = 1;

template <typename T>
T Read(const uint8_t* from) {
  T value{};
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint32_t LengthOf(const uint8_t* frame, uint32_t part) {
  return Read<uint32_t>(frame + TIERCEL_FRAME_LENGTHS + part * sizeof(uint32_t));
}

uint64_t Checksum(const uint8_t* frame, uint32_t bytes) {
  return SipHash13(kChecksumKey, Read<uint64_t>(frame), frame + TIERCEL_FRAME_LOADED_AT,
                   bytes - TIERCEL_FRAME_LOADED_AT);
}

uint64_t TotalOf(const uint8_t* frame) {
  uint64_t total = TIERCEL_FRAME_HEAD;
  for (uint32_t part = 0; part <= kLists; part++) total += LengthOf(frame, part);
  return total;
}

// Of a frame with as many bytes as its lengths say.
bool IsWellFormed(const uint8_t* frame) {
  for (uint32_t at = TIERCEL_FRAME_LOADED_AT; at < TIERCEL_FRAME_LENGTHS; at += sizeof(double)) {
    const auto number = Read<double>(frame + at);
    // Two stamps of any clock, then lengths of time.
    if (at < TIERCEL_FRAME_TTL ? number != number : !(number >= 0)) return false;
  }
  const uint8_t* at = frame + TIERCEL_FRAME_HEAD;
  for (uint32_t list = 0; list < kLists; list++) {
    const uint32_t length = LengthOf(frame, list);
    uint32_t count = 0;
    for (PackedReader reader(at, length); !reader.done(); count++) {
      const uint8_t* data = nullptr;
      uint32_t bytes = 0;
      uint32_t encoding = 0;
      uint32_t kind = 0;
      bool is_inherited = false;
      if (count == TIERCEL_FRAME_MOST_STRINGS ||
          !reader.Next(&data, &bytes, &encoding, &kind, &is_inherited) || (encoding & bytes) != 0 ||
          is_inherited) {
        return false;
      }
    }
    // Of scopes, a token follows each name.
    if (list == 0 && (count & 1) != 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

TiercelFrameFault SealFrame(uint8_t* frame, uint32_t bytes) {
  if (bytes < TIERCEL_FRAME_HEAD || TotalOf(frame) != bytes || !IsWellFormed(frame)) {
    return TIERCEL_FRAME_MALFORMED;
  }
  std::memcpy(frame, kMagic, sizeof(kMagic));
  const uint64_t checksum = Checksum(frame, bytes);
  std::memcpy(frame + TIERCEL_FRAME_CHECKSUM, &checksum, sizeof(checksum));
  return TIERCEL_FRAME_SOUND;
}

TiercelFrameFault CheckFrame(const uint8_t* frame, uint32_t bytes, const uint8_t* place,
                             uint32_t place_bytes) {
  for (uint32_t i = 0; i < sizeof(kMagic); i++) {
    if (i == bytes) return TIERCEL_FRAME_TRUNCATED;
    if (frame[i] != kMagic[i]) return i == 3 ? TIERCEL_FRAME_OTHER_VERSION : TIERCEL_FRAME_FOREIGN;
  }
  if (bytes < TIERCEL_FRAME_HEAD || bytes < TotalOf(frame)) return TIERCEL_FRAME_TRUNCATED;
  if (bytes != TotalOf(frame) || Checksum(frame, bytes) != Read<uint64_t>(frame + TIERCEL_FRAME_CHECKSUM)) {
    return TIERCEL_FRAME_DAMAGED;
  }
  if (!IsWellFormed(frame)) return TIERCEL_FRAME_MALFORMED;
  const uint8_t* const own = frame + TIERCEL_FRAME_HEAD + LengthOf(frame, 0);
  const bool is_here = LengthOf(frame, kPlace) == place_bytes && EqualBytes(own, place, place_bytes);
  return is_here ? TIERCEL_FRAME_SOUND : TIERCEL_FRAME_OTHER_PLACE;
}

}  // namespace tiercel
