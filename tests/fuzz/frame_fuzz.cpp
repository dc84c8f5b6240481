// What comes from a second tier is nobody's word to be taken: bytes as they are, and, so that more than the
// checksum is tried, bytes as the rest of a frame that is otherwise right.
#include <string>

#include "frame.h"
#include "frames.h"
#include "run.h"

using namespace tiercel::test;

namespace {

uint32_t SizeOf(const std::string& bytes) { return static_cast<uint32_t>(bytes.size()); }

// One of the parts that a frame has lengths of.
std::string PartOf(const std::string& frame, int part) {
  uint32_t at = TIERCEL_FRAME_HEAD;
  for (int i = 0;; i++) {
    uint32_t length = 0;
    std::memcpy(&length, frame.data() + TIERCEL_FRAME_LENGTHS + 4 * i, sizeof(length));
    FuzzExpect(uint64_t{at} + length <= frame.size(), "parts lie in the frame");
    if (i == part) return frame.substr(at, length);
    at += length;
  }
}

void CheckSound(const std::string& frame) {
  size_t strings[4];
  for (int list = 0; list < 4; list++) {
    const std::string packed = PartOf(frame, list);
    const std::vector<Text> texts = Unpack(packed);
    size_t bytes = 0;
    for (const Text& text : texts) bytes += 4 + ((text.bytes.size() + 3) & ~size_t{3});
    FuzzExpect(bytes == packed.size(), "a list is a list to its end");
    FuzzExpect(texts.size() <= TIERCEL_FRAME_MOST_STRINGS, "lists have an end");
    strings[list] = texts.size();
  }
  FuzzExpect(strings[0] % 2 == 0, "scopes have tokens");
}

}  // namespace

TIERCEL_FUZZ("frame", "any bytes are a frame, or refused") {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const FrameParts parts;
  const TiercelFrameFault plain =
      tiercel::CheckFrame(Bytes(bytes), SizeOf(bytes), Bytes(parts.place), SizeOf(parts.place));
  FuzzExpect(plain != TIERCEL_FRAME_SOUND || bytes.size() >= TIERCEL_FRAME_HEAD, "a frame has a head");
  if (bytes.size() < TIERCEL_FRAME_HEAD) return;

  const std::string dressed = Sealed(bytes);
  std::string sealed = bytes;
  const TiercelFrameFault fault = tiercel::SealFrame(Bytes(&sealed), SizeOf(sealed));
  FuzzExpect(sealed == (fault == TIERCEL_FRAME_SOUND ? dressed : bytes), "a frame is sealed or left alone");
  const TiercelFrameFault elsewhere =
      tiercel::CheckFrame(Bytes(dressed), SizeOf(dressed), Bytes(bytes), SizeOf(bytes));
  FuzzExpect(elsewhere != TIERCEL_FRAME_SOUND, "its place is not all of a frame");
  FuzzExpect((fault == TIERCEL_FRAME_SOUND) == (elsewhere == TIERCEL_FRAME_OTHER_PLACE),
             "what can be sealed can be read, and nothing else");
  if (fault != TIERCEL_FRAME_SOUND) return;
  CheckSound(sealed);
  const std::string place = PartOf(sealed, 1);
  FuzzExpect(
      tiercel::CheckFrame(Bytes(sealed), SizeOf(sealed), Bytes(place), SizeOf(place)) == TIERCEL_FRAME_SOUND,
      "a frame is sound at its place");
}
