#ifndef TIERCEL_SRC_OPTIONS_H_
#define TIERCEL_SRC_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "policy.h"
#include "ttl_rules.h"

namespace tiercel {

struct DeleteTtlRules {
  void operator()(TtlRules* rules) const { Delete(rules); }
};

// What a cache is opened with; abi.h says what each means.
struct Options {
  // -------- What is kept
  uint64_t max_entries = 10000;  // 0: no bound.
  uint64_t max_bytes = 0;        // 0: no bound. One of the two is not 0.
  bool bytes_mode = false;
  uint32_t max_key_bytes = 1024;
  PolicyKind policy = PolicyKind::kAdaptive;
  uint32_t stripes = 1;  // A power of two.
  uint32_t stripe = 0;   // Of these.

  // -------- For how long
  double jitter = 0;
  std::unique_ptr<TtlRules, DeleteTtlRules> ttl_rules;  // nullptr: none.
};

// Reads options from a JSON document. False if it is wrong, and `message` says what, as json_reader.h has it,
// with one more code: "bounds". False and an empty `message` without memory.
[[nodiscard]] bool ParseOptions(const char* json, size_t length, Options* options, std::string* message);

}  // namespace tiercel

#endif  // TIERCEL_SRC_OPTIONS_H_
