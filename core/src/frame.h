// The bytes that a second tier stores of an entry, as abi.h lays them out: whether they are right. They come
// from a server that others write to as well, so no length or number is believed before it was compared with
// what there is, and nothing is allocated for them.
//
// The checksum is SipHash-1-3 under a fixed key, which the core has anyway: a CRC would be a table or eight
// times slower. It misses damage of any kind once in 2^64 times, where CRC-32C finds all short bursts but
// misses the rest once in 2^32. It proves nothing about who wrote the bytes.
#ifndef TIERCEL_SRC_FRAME_H_
#define TIERCEL_SRC_FRAME_H_

#include <cstdint>

#include "tiercel/abi.h"

namespace tiercel {

// Writes magic, version and checksum to a frame that is otherwise complete. TIERCEL_FRAME_MALFORMED, with
// nothing written, if it could not be read again.
TiercelFrameFault SealFrame(uint8_t* frame, uint32_t bytes);

// What is wrong with a frame that should be of this place, a packed list.
TiercelFrameFault CheckFrame(const uint8_t* frame, uint32_t bytes, const uint8_t* place,
                             uint32_t place_bytes);

}  // namespace tiercel

#endif  // TIERCEL_SRC_FRAME_H_
