#include "json_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace tiercel {
namespace {

using Json = nlohmann::json;
using Kind = JsonValue::Kind;

// The parser's events; each returns whether to go on.
class Builder {
 public:
  explicit Builder(std::vector<JsonValue>* values) : values_(*values) {}

  bool null() { return Add(Kind::kOther); }
  bool boolean(bool) { return Add(Kind::kOther); }
  bool number_integer(int64_t number) { return Number(static_cast<double>(number)); }
  bool number_unsigned(uint64_t number) { return Number(static_cast<double>(number)); }
  bool number_float(double number, const std::string&) { return Number(number); }
  bool string(std::string& text) {
    Add(Kind::kString);
    values_.back().text = std::move(text);
    return true;
  }
  bool binary(Json::binary_t&) { return Add(Kind::kOther); }
  bool start_object(size_t) { return Open(Kind::kObject); }
  bool end_object() { return Close(); }
  bool start_array(size_t) { return Open(Kind::kArray); }
  bool end_array() { return Close(); }
  bool key(std::string& text) {
    key_ = std::move(text);
    return true;
  }
  static bool parse_error(size_t, const std::string&, const Json::exception&) { return false; }

 private:
  bool Add(Kind kind) {
    const size_t i = values_.size();
    values_.emplace_back();
    JsonValue& value = values_.back();
    value.kind = kind;
    value.parent = open_;
    if (open_ == JsonValue::kNone) return true;
    JsonValue& parent = values_[open_];
    if (parent.kind == Kind::kObject) value.key = std::move(key_);
    (parent.last == JsonValue::kNone ? parent.first : values_[parent.last].sibling) = i;
    parent.last = i;
    return true;
  }
  bool Number(double number) {
    Add(Kind::kNumber);
    values_.back().number = number;
    return true;
  }
  bool Open(Kind kind) {
    Add(kind);
    open_ = values_.size() - 1;
    return true;
  }
  bool Close() {
    open_ = values_[open_].parent;
    return true;
  }

  std::vector<JsonValue>& values_;
  size_t open_ = JsonValue::kNone;  // The innermost array or object that is not closed.
  std::string key_;
};

}  // namespace

JsonDocument::JsonDocument(const char* text, size_t length) {
  Builder builder(&values);
  // The parser would take a NUL for the end, and not see what is behind it.
  const bool has_nul = std::find(text, text + length, '\0') != text + length;
  if (!has_nul && Json::sax_parse(text, text + length, &builder)) return;
  values.assign(1, JsonValue());
  values.front().kind = Kind::kInvalid;
}

const JsonValue* JsonDocument::Find(const JsonValue& object, std::string_view name) const {
  const JsonValue* found = nullptr;
  if (object.kind != Kind::kObject) return found;
  for (size_t i = object.first; i != JsonValue::kNone; i = values[i].sibling) {
    if (values[i].key == name) found = &values[i];
  }
  return found;
}

std::string JsonString(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      json += "\\u00";
      json += kDigits[c >> 4];
      json += kDigits[c & 15];
    } else {
      json += c;
    }
  }
  return json + '"';
}

}  // namespace tiercel
