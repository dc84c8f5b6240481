// JavaScript strings as the ABI takes them.
#ifndef TIERCEL_TESTS_CORE_TEXT_H_
#define TIERCEL_TESTS_CORE_TEXT_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tiercel/abi.h"

namespace tiercel::test {

struct Text {
  std::string bytes;
  uint32_t encoding = TIERCEL_LATIN1;

  Text() = default;
  // Latin-1: each byte is a unit.
  Text(const char* latin1) : bytes(latin1) {}
  Text(std::string_view latin1) : bytes(latin1) {}
  Text(const std::string& latin1) : bytes(latin1) {}
  // UTF-16, whatever the units.
  Text(std::u16string_view units)
      : bytes(reinterpret_cast<const char*>(units.data()), units.size() * 2), encoding(TIERCEL_UTF16) {}
  Text(const char16_t* units) : Text(std::u16string_view(units)) {}
  Text(const void* data, size_t length, uint32_t encoding_of)
      : bytes(static_cast<const char*>(data), length), encoding(encoding_of) {}

  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(bytes.data()); }
  uint32_t size() const { return static_cast<uint32_t>(bytes.size()); }

  // What the string is to JavaScript; equal for both ways to pass it.
  std::u16string units() const {
    std::u16string units;
    if (encoding == TIERCEL_LATIN1) {
      for (const char byte : bytes) units.push_back(static_cast<unsigned char>(byte));
    } else {
      units.resize(bytes.size() / 2);
      std::memcpy(units.data(), bytes.data(), units.size() * 2);
    }
    return units;
  }

  // The form the core must store it in.
  Text canonical() const {
    const std::u16string all = units();
    std::string narrow;
    for (const char16_t unit : all) {
      if (unit > 0xff) return Text(std::u16string_view(all));
      narrow.push_back(static_cast<char>(unit));
    }
    return Text(narrow);
  }
};

// A packed list: convention 6 of abi.h.
inline std::string Pack(const std::vector<Text>& texts, uint32_t kind = 0) {
  std::string packed;
  for (const Text& text : texts) {
    const uint32_t head = text.size() * 4 + kind * 2 + text.encoding;
    packed.append(reinterpret_cast<const char*>(&head), sizeof(head));
    packed += text.bytes;
    packed.resize((packed.size() + 3) & ~size_t{3}, '\0');
  }
  return packed;
}

inline std::vector<Text> Unpack(const std::string& packed) {
  std::vector<Text> texts;
  for (size_t at = 0; at + 4 <= packed.size();) {
    uint32_t head = 0;
    std::memcpy(&head, packed.data() + at, sizeof(head));
    texts.emplace_back(packed.data() + at + 4, head / 4, head % 2);
    at += 4 + ((head / 4 + 3) & ~3U);
  }
  return texts;
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_TEXT_H_
