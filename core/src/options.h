#ifndef TIERCEL_SRC_OPTIONS_H_
#define TIERCEL_SRC_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace tiercel {

// What a cache is opened with; abi.h says what each means.
struct Options {
  // -------- What is kept
  uint64_t max_entries = 10000;  // 0: no bound.
  uint64_t max_bytes = 0;        // 0: no bound. One of the two is not 0.
  bool bytes_mode = false;
  uint32_t max_key_bytes = 1024;

  // -------- For how long
  double jitter = 0;
};

// Reads options from a JSON document. False if it is wrong, and `message` says what, itself as JSON: code
// ("syntax", "unknown", "type", "range", "bounds"), path (JSON pointer), message, and for an unknown member
// the nearest name there is.
[[nodiscard]] bool ParseOptions(const char* json, size_t length, Options* options, std::string* message);

}  // namespace tiercel

#endif  // TIERCEL_SRC_OPTIONS_H_
