#include "options.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace tiercel {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxEntries = (uint64_t{1} << 31) - 1;
constexpr uint64_t kMaxBytes = (uint64_t{1} << 53) - 1;
constexpr uint64_t kMaxKeyBytes = 1 << 20;

constexpr std::array<std::string_view, 6> kNames = {"maxEntries", "maxBytes", "policy",
                                                    "values",     "jitter",   "maxKeyBytes"};

// Fewest insertions, deletions and replacements that make one string of the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::string row(b.size() + 1, '\0');  // Distances fit a byte: names are short, and longer ones are cut.
  for (size_t j = 0; j <= b.size(); j++) row[j] = static_cast<char>(j);
  for (size_t i = 1; i <= a.size(); i++) {
    char diagonal = row[0];
    row[0] = static_cast<char>(i);
    for (size_t j = 1; j <= b.size(); j++) {
      const char replaced = static_cast<char>(diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
      diagonal = row[j];
      row[j] = std::min({replaced, static_cast<char>(row[j] + 1), static_cast<char>(row[j - 1] + 1)});
    }
  }
  return static_cast<size_t>(row[b.size()]);
}

std::string_view Nearest(std::string_view name) {
  const std::string_view cut = name.substr(0, 32);
  return *std::min_element(kNames.begin(), kNames.end(), [cut](std::string_view a, std::string_view b) {
    return EditDistance(cut, a) < EditDistance(cut, b);
  });
}

// Reads members one by one; the first fault is kept.
class Reader {
 public:
  // The JSON pointer of a member.
  static std::string Path(std::string_view name) {
    std::string path(1, '/');
    for (const char c : name) {
      if (c == '~' || c == '/') {
        path += c == '~' ? "~0" : "~1";  // RFC 6901, section 3.
      } else {
        path += c;
      }
    }
    return path;
  }

  Reader(const Json& document, std::string* message) : document_(document), message_(message) {}

  bool ok() const { return ok_; }
  bool Has(std::string_view name) const { return document_.find(std::string(name)) != document_.end(); }

  void Fail(std::string_view code, std::string_view path, const std::string& text,
            std::string_view nearest = {}) {
    if (!ok_) return;
    ok_ = false;
    Json fault = {{"code", code}, {"path", path}, {"message", text}};
    if (!nearest.empty()) fault["nearest"] = nearest;
    // A document that is no valid UTF-8 may have put its bytes into the path.
    *message_ = fault.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void Integer(std::string_view name, uint64_t least, uint64_t most, uint64_t* out) {
    const Json* value = Member(name);
    if (value == nullptr) return;
    const std::string accepted =
        " must be an integer from " + std::to_string(least) + " to " + std::to_string(most);
    if (!value->is_number()) return Fail("type", Path(name), std::string(name) + accepted);
    const double number = value->get<double>();
    if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
        number != static_cast<double>(static_cast<uint64_t>(number))) {
      return Fail("range", Path(name), std::string(name) + accepted);
    }
    *out = static_cast<uint64_t>(number);
  }

  void Fraction(std::string_view name, double* out) {
    const Json* value = Member(name);
    if (value == nullptr) return;
    const std::string accepted = std::string(name) + " must be a number from 0 to 1";
    if (!value->is_number()) return Fail("type", Path(name), accepted);
    const double number = value->get<double>();
    if (!(number >= 0 && number <= 1)) return Fail("range", Path(name), accepted);
    *out = number;
  }

  // Whether the member is the second of the two choices; the first one is the default.
  void Choice(std::string_view name, std::string_view first, std::string_view second, bool* is_second) {
    const Json* value = Member(name);
    if (value == nullptr) return;
    const std::string text = value->is_string() ? value->get<std::string>() : std::string();
    if (text == first || (!second.empty() && text == second)) {
      *is_second = text != first;
      return;
    }
    std::string accepted = std::string(name) + " must be \"" + std::string(first) + "\"";
    if (!second.empty()) accepted += " or \"" + std::string(second) + "\"";
    Fail(value->is_string() ? "range" : "type", Path(name), accepted);
  }

 private:
  const Json* Member(std::string_view name) const {
    const auto found = document_.find(std::string(name));
    return found == document_.end() || !ok_ ? nullptr : &*found;
  }

  const Json& document_;
  std::string* message_;
  bool ok_ = true;
};

}  // namespace

bool ParseOptions(const char* json, size_t length, Options* options, std::string* message) {
  // The parser would take a NUL for the end, and not see what is behind it.
  const bool has_nul = std::find(json, json + length, '\0') != json + length;
  const Json document =
      has_nul ? Json(Json::value_t::discarded) : Json::parse(json, json + length, nullptr, false);
  Reader read(document, message);
  if (document.is_discarded()) {
    read.Fail("syntax", "", "the options are not valid JSON");
    return false;
  }
  if (!document.is_object()) {
    read.Fail("type", "", "the options must be a JSON object");
    return false;
  }
  for (const auto& [name, value] : document.items()) {
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) continue;
    const std::string_view nearest = Nearest(name);
    read.Fail("unknown", Reader::Path(name),
              "there is no option " + name + "; the nearest is " + std::string(nearest), nearest);
  }

  uint64_t max_key_bytes = options->max_key_bytes;
  bool unused = false;
  read.Integer("maxEntries", 0, kMaxEntries, &options->max_entries);
  read.Integer("maxBytes", 0, kMaxBytes, &options->max_bytes);
  read.Integer("maxKeyBytes", 1, kMaxKeyBytes, &max_key_bytes);
  read.Fraction("jitter", &options->jitter);
  read.Choice("policy", "lru", "", &unused);
  read.Choice("values", "reference", "bytes", &options->bytes_mode);
  options->max_key_bytes = static_cast<uint32_t>(max_key_bytes);

  if (!read.Has("maxEntries") && options->max_bytes != 0) options->max_entries = 0;
  if (options->max_entries == 0 && options->max_bytes == 0) {
    read.Fail("bounds", "/maxEntries", "one of maxEntries and maxBytes must be more than 0");
  }
  return read.ok();
}

}  // namespace tiercel
