// Frames as another writer of the format would make them, right and wrong.
#ifndef TIERCEL_TESTS_CORE_FRAMES_H_
#define TIERCEL_TESTS_CORE_FRAMES_H_

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "siphash.h"
#include "text.h"
#include "tiercel/abi.h"

namespace tiercel::test {

template <typename T>
void Append(std::string* to, const T& value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

inline uint8_t* Bytes(std::string* text) { return reinterpret_cast<uint8_t*>(text->data()); }
inline const uint8_t* Bytes(const std::string& text) { return reinterpret_cast<const uint8_t*>(text.data()); }

struct FrameParts {
  uint32_t format = 7;
  double numbers[5] = {1000, 1250, 60000, std::numeric_limits<double>::infinity(), 250};
  std::string scopes = Pack({"namespace", "token 1", u"тег", "token 2"});
  std::string place = Pack({"shop", "prices", u"ключ"});
  std::string names = Pack({"tag", u"тег"}) + Pack({"other key"}, 1);
  std::string validators = Pack({"\"etag\""}) + Pack({"Wed, 21 Oct 2015 07:28:00 GMT"}, 1);
  std::string payload = R"({"price":12.5})";

  // All but magic, version and checksum, which are zeros.
  std::string Unsealed() const {
    std::string frame(4, '\0');
    Append(&frame, format);
    Append(&frame, uint64_t{0});
    for (const double number : numbers) Append(&frame, number);
    for (const std::string* part : {&scopes, &place, &names, &validators, &payload}) {
      Append(&frame, static_cast<uint32_t>(part->size()));
    }
    return frame + scopes + place + names + validators + payload;
  }
};

// Writes what a frame of version 1 begins with, and its checksum, whatever the rest of it says.
inline std::string Sealed(std::string frame) {
  std::memcpy(frame.data(), "\xf5TC\x01", 4);
  const uint64_t checksum = SipHash13({0x7469657263656c31, 0x6672616d65207631},
                                      LoadLittleEndian64(Bytes(frame)), Bytes(frame) + 16, frame.size() - 16);
  std::memcpy(frame.data() + 8, &checksum, sizeof(checksum));
  return frame;
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_FRAMES_H_
