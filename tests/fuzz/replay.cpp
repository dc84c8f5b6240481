#ifndef TIERCEL_FUZZER

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "random.h"
#include "run.h"

namespace tiercel::test {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr int kChangedCopies = 200;
constexpr int kRandomInputs = 300;

Bytes FromHex(const std::string& text) {
  Bytes bytes;
  std::string digits;
  bool in_comment = false;
  for (const char c : text) {
    in_comment = c == '#' || (in_comment && c != '\n');
    if (!in_comment && std::isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  }
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<Bytes> ReadCorpus(const char* corpus) {
  std::vector<std::filesystem::path> paths;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(TIERCEL_CORPUS) / corpus)) {
    paths.push_back(file.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    inputs.push_back(path.extension() == ".hex" ? FromHex(text) : Bytes(text.begin(), text.end()));
  }
  return inputs;
}

// Overwrites, cuts out, repeats or inserts a few bytes.
Bytes Change(Bytes input, Random& random) {
  for (uint32_t n = 1 + random.Below(4); n > 0; n--) {
    const auto at = static_cast<ptrdiff_t>(random.Below(static_cast<uint32_t>(input.size() + 1)));
    const auto end =
        std::min(at + 1 + static_cast<ptrdiff_t>(random.Below(8)), static_cast<ptrdiff_t>(input.size()));
    switch (random.Below(4)) {
      case 0:
        std::for_each(input.begin() + at, input.begin() + std::max(at, end),
                      [&](uint8_t& byte) { byte = static_cast<uint8_t>(random.Next()); });
        break;
      case 1:
        input.erase(input.begin() + at, input.begin() + std::max(at, end));
        break;
      case 2: {
        const Bytes copy(input.begin() + at, input.begin() + std::max(at, end));
        input.insert(input.begin() + at, copy.begin(), copy.end());
        break;
      }
      default:
        input.insert(input.begin() + at, static_cast<uint8_t>(random.Next()));
        break;
    }
  }
  return input;
}

}  // namespace

void Replay(const char* corpus, void (*body)(const uint8_t* data, size_t size)) {
  const std::vector<Bytes> inputs = ReadCorpus(corpus);
  REQUIRE_FALSE(inputs.empty());
  Random random(1);
  for (const Bytes& input : inputs) {
    body(input.data(), input.size());
    for (int i = 0; i < kChangedCopies; i++) {
      const Bytes changed = Change(input, random);
      body(changed.data(), changed.size());
    }
  }
  for (int i = 0; i < kRandomInputs; i++) {
    Bytes input(random.Below(2000));
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random.Next());
    body(input.data(), input.size());
  }
  SUCCEED();
}

}  // namespace tiercel::test

#endif
