#include "options.h"

#include "json_reader.h"

namespace tiercel {
namespace {

constexpr uint64_t kMaxEntries = (uint64_t{1} << 31) - 1;
constexpr uint64_t kMaxBytes = (uint64_t{1} << 53) - 1;
constexpr uint64_t kMaxKeyBytes = 1 << 20;
constexpr uint64_t kMaxStripes = 256;

}  // namespace

bool ParseOptions(const char* json, size_t length, Options* options, std::string* message) {
  message->clear();
  const JsonDocument document(json, length);
  JsonReader read(document, "the options", message);
  read.Expect({"maxEntries", "maxBytes", "policy", "values", "jitter", "maxKeyBytes", "ttlRules", "stripes",
               "stripe"});

  uint64_t max_key_bytes = options->max_key_bytes;
  uint32_t policy = static_cast<uint32_t>(options->policy);
  uint32_t values = 0;
  read.Integer("maxEntries", 0, kMaxEntries, &options->max_entries);
  read.Integer("maxBytes", 0, kMaxBytes, &options->max_bytes);
  read.Integer("maxKeyBytes", 1, kMaxKeyBytes, &max_key_bytes);
  uint64_t stripes = options->stripes;
  uint64_t stripe = options->stripe;
  read.Integer("stripes", 1, kMaxStripes, &stripes);
  read.Integer("stripe", 0, kMaxStripes - 1, &stripe);
  read.Number("jitter", 0, 1, &options->jitter);
  read.Choice("policy", {"adaptive", "lru", "sieve", "s3fifo"}, &policy);
  read.Choice("values", {"reference", "bytes"}, &values);
  options->policy = static_cast<PolicyKind>(policy);
  options->bytes_mode = values == 1;
  options->max_key_bytes = static_cast<uint32_t>(max_key_bytes);
  options->stripes = static_cast<uint32_t>(stripes);
  options->stripe = static_cast<uint32_t>(stripe);

  if (!read.Has("maxEntries") && options->max_bytes != 0) options->max_entries = 0;
  if (options->max_entries == 0 && options->max_bytes == 0) {
    read.Fail("bounds", "maxEntries", "one of maxEntries and maxBytes must be more than 0");
  }
  if ((stripes & (stripes - 1)) != 0 || stripe >= stripes) {
    read.Fail("bounds", "stripes", "stripes must be a power of two, and stripe less than it");
  }
  if (read.Has("ttlRules")) {
    options->ttl_rules.reset(New<TtlRules>());
    if (options->ttl_rules == nullptr || !options->ttl_rules->Read(read.Object("ttlRules"))) return false;
  }
  return read.ok();
}

}  // namespace tiercel
