#ifndef TIERCEL_SRC_JSON_DOCUMENT_H_
#define TIERCEL_SRC_JSON_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tiercel {

// A value of a JSON document.
struct JsonValue {
  enum class Kind : uint8_t { kInvalid, kOther, kNumber, kString, kArray, kObject };
  static constexpr size_t kNone = SIZE_MAX;

  Kind kind = Kind::kOther;  // kInvalid: of a document that is none.
  double number = 0;
  std::string text;
  std::string key;        // In an object.
  size_t parent = kNone;  // These are places in JsonDocument::values.
  size_t first = kNone;   // Of the values in it.
  size_t last = kNone;
  size_t sibling = kNone;  // The next one in its parent.
};

// A JSON document as a list of its values. The library parses, by events: its own form of a document would
// take half of the wasm module.
struct JsonDocument {
  JsonDocument(const char* text, size_t length);

  const JsonValue& root() const { return values.front(); }
  // The last member of that name, as in JavaScript; nullptr if there is none.
  const JsonValue* Find(const JsonValue& object, std::string_view name) const;

  std::vector<JsonValue> values;  // Parents come before what is in them.
};

// A string as JSON, with its quotes.
std::string JsonString(std::string_view text);

}  // namespace tiercel

#endif  // TIERCEL_SRC_JSON_DOCUMENT_H_
