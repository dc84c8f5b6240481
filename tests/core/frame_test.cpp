// Frames: what was sealed is sound at its place, and nothing else is.
#include "frame.h"

#include <cmath>
#include <string>
#include <vector>

#include "catch.h"
#include "frames.h"
#include "memory.h"
#include "random.h"

namespace tiercel::test {
namespace {

// Copied to a block of its very size, so that a sanitizer sees a read beyond it.
TiercelFrameFault Check(const std::string& frame, const std::string& place) {
  const std::vector<uint8_t> bytes(frame.begin(), frame.end());
  const std::vector<uint8_t> here(place.begin(), place.end());
  return CheckFrame(bytes.data(), static_cast<uint32_t>(bytes.size()), here.data(),
                    static_cast<uint32_t>(here.size()));
}

std::string Seal(const FrameParts& parts) {
  std::string frame = parts.Unsealed();
  REQUIRE(SealFrame(Bytes(&frame), static_cast<uint32_t>(frame.size())) == TIERCEL_FRAME_SOUND);
  return frame;
}

// Frames of all shapes, one of 4 KiB among them.
std::vector<FrameParts> Corpus() {
  FrameParts bare;
  bare.scopes = bare.names = bare.validators = bare.payload = "";
  bare.place = Pack({""});
  FrameParts large;
  large.payload.assign(4096 - large.Unsealed().size() + large.payload.size(), 'x');
  FrameParts crowded;
  crowded.names = Pack(std::vector<Text>(TIERCEL_FRAME_MOST_STRINGS, Text("t")));
  return {FrameParts(), bare, large, crowded};
}

}  // namespace

TEST_CASE("a frame that was sealed is sound at its place") {
  for (const FrameParts& parts : Corpus()) {
    const std::string frame = Seal(parts);
    REQUIRE(Check(frame, parts.place) == TIERCEL_FRAME_SOUND);
    // The format is what the header says, and not what the code happens to do.
    REQUIRE(frame == Sealed(parts.Unsealed()));
  }
}

TEST_CASE("any byte of a frame that is changed is seen") {
  for (const FrameParts& parts : Corpus()) {
    const std::string frame = Seal(parts);
    Random random(1);
    for (size_t i = 0; i < frame.size(); i++) {
      for (const int flip : {1, 0x80, 0xff, 1 + static_cast<int>(random.Below(255))}) {
        std::string changed = frame;
        changed[i] = static_cast<char>(changed[i] ^ flip);
        const TiercelFrameFault fault = Check(changed, parts.place);
        REQUIRE(fault != TIERCEL_FRAME_SOUND);
        if (i < 3) REQUIRE(fault == TIERCEL_FRAME_FOREIGN);
        if (i == 3) REQUIRE(fault == TIERCEL_FRAME_OTHER_VERSION);
        if (i > 3 && (i < TIERCEL_FRAME_LENGTHS || i >= TIERCEL_FRAME_HEAD)) {
          REQUIRE(fault == TIERCEL_FRAME_DAMAGED);
        }
      }
    }
  }
}

TEST_CASE("a frame that ends early is truncated, and one that goes on is damaged") {
  for (const FrameParts& parts : Corpus()) {
    const std::string frame = Seal(parts);
    for (size_t size = 0; size < frame.size(); size++) {
      REQUIRE(Check(frame.substr(0, size), parts.place) == TIERCEL_FRAME_TRUNCATED);
    }
    REQUIRE(Check(frame + '\0', parts.place) == TIERCEL_FRAME_DAMAGED);
    REQUIRE(Check(frame + frame, parts.place) == TIERCEL_FRAME_DAMAGED);
  }
}

TEST_CASE("a frame of another place is not of this one") {
  const FrameParts parts;
  const std::string frame = Seal(parts);
  for (const std::string& place :
       {Pack({"shop", "prices"}), Pack({"shop", "prices", "key"}), Pack({"shop:prices", u"ключ"}),
        Pack({"shop", u"ключ", "prices"}), Pack({u"ключ"}), std::string()}) {
    REQUIRE(Check(frame, place) == TIERCEL_FRAME_OTHER_PLACE);
  }
}

TEST_CASE("bytes of others are foreign") {
  for (const std::string& bytes :
       {std::string("{\"value\":1}"), std::string("12"), std::string("\x1f\x8b\x08"), std::string("\xf5T"),
        std::string("\x82\xa1"), std::string("tiercel\x1a"), std::string("\0\0\0\0", 4)}) {
    const bool begins_so = bytes == "\xf5T";
    REQUIRE(Check(bytes, "") == (begins_so ? TIERCEL_FRAME_TRUNCATED : TIERCEL_FRAME_FOREIGN));
  }
}

namespace {

// Malformed parts: sealing refuses them, and one who seals them all the same is found out.
void RequireMalformed(const FrameParts& parts) {
  std::string frame = parts.Unsealed();
  const std::string before = frame;
  REQUIRE(SealFrame(Bytes(&frame), static_cast<uint32_t>(frame.size())) == TIERCEL_FRAME_MALFORMED);
  REQUIRE(frame == before);
  REQUIRE(Check(Sealed(frame), parts.place) == TIERCEL_FRAME_MALFORMED);
}

}  // namespace

TEST_CASE("a frame with a number out of its range is malformed") {
  for (int i = 0; i < 5; i++) {
    for (const double number : std::vector<double>{-1, -INFINITY, NAN, -0.0, 0, INFINITY}) {
      FrameParts parts;
      parts.numbers[i] = number;
      const bool may_be = i < 2 ? !std::isnan(number) : number >= 0;
      if (may_be) {
        REQUIRE(Check(Seal(parts), parts.place) == TIERCEL_FRAME_SOUND);
      } else {
        RequireMalformed(parts);
      }
    }
  }
}

TEST_CASE("a frame with a list that is none is malformed") {
  const std::vector<std::string> broken = {
      std::string(1, 'x'),                                                      // No head.
      std::string("\x04\0\0\0", 4),                                             // No string.
      std::string("\x04\0\0\0a\0\0", 7),                                        // No padding.
      std::string("\xff\xff\xff\xff____", 8),                                   // Longer than anything.
      std::string("\x05\0\0\0a\0\0\0", 8) + Pack({"b"}),                        // Half a unit of UTF-16.
      Pack(std::vector<Text>(TIERCEL_FRAME_MOST_STRINGS + 1, Text("a"))) + "",  // Too many.
      Pack({"a", "b"}) + "rest",                                                // Something after it.
  };
  for (const std::string& list : broken) {
    for (std::string FrameParts::*member :
         {&FrameParts::scopes, &FrameParts::place, &FrameParts::names, &FrameParts::validators}) {
      FrameParts parts;
      parts.*member = list;
      RequireMalformed(parts);
    }
  }
  FrameParts odd;
  odd.scopes = Pack({"name", "token", "name"});
  RequireMalformed(odd);
}

TEST_CASE("a frame whose lengths are not its own is not sealed") {
  const std::string unsealed = FrameParts().Unsealed();
  const auto seal = [](std::string frame) {
    return SealFrame(Bytes(&frame), static_cast<uint32_t>(frame.size()));
  };
  REQUIRE(seal(unsealed) == TIERCEL_FRAME_SOUND);
  REQUIRE(seal(unsealed + 'x') == TIERCEL_FRAME_MALFORMED);
  for (size_t size = 0; size < unsealed.size(); size++) {
    REQUIRE(seal(unsealed.substr(0, size)) == TIERCEL_FRAME_MALFORMED);
  }
  // Lengths whose sum is right modulo 2^32.
  std::string around = unsealed;
  for (const size_t at : std::vector<size_t>{TIERCEL_FRAME_LENGTHS, TIERCEL_FRAME_LENGTHS + 4}) {
    around[at + 3] = static_cast<char>(around[at + 3] ^ 0x80);
  }
  REQUIRE(seal(around) == TIERCEL_FRAME_MALFORMED);
  REQUIRE(Check(Sealed(around), FrameParts().place) == TIERCEL_FRAME_TRUNCATED);
}

TEST_CASE("neither sealing nor checking allocates") {
  const FrameParts parts;
  std::string frame = parts.Unsealed();
  const uint64_t before = Faults().count;
  REQUIRE(SealFrame(Bytes(&frame), static_cast<uint32_t>(frame.size())) == TIERCEL_FRAME_SOUND);
  REQUIRE(CheckFrame(Bytes(frame), static_cast<uint32_t>(frame.size()), Bytes(parts.place),
                     static_cast<uint32_t>(parts.place.size())) == TIERCEL_FRAME_SOUND);
  REQUIRE(Faults().count == before);
}

}  // namespace tiercel::test
