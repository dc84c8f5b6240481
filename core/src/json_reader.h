// Reads members of a JSON document one by one, and explains the first fault, itself as JSON: code ("syntax",
// "unknown", "type", "range" or the reader's own), path (a JSON pointer, RFC 6901), message, and for an
// unknown member the nearest name there is.
#ifndef TIERCEL_SRC_JSON_READER_H_
#define TIERCEL_SRC_JSON_READER_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "json_document.h"

namespace tiercel {

// An object of a document. Each call that reads a member leaves `out` alone if there is no such member
// or there was a fault before.
class JsonReader {
 public:
  // The whole document, which is an object called `subject`. `fault` is empty and stays so without a fault.
  JsonReader(const JsonDocument& document, std::string_view subject, std::string* fault);

  bool ok() const { return fault_->empty(); }
  bool Has(std::string_view name) const;
  void Fail(std::string_view code, const std::string& message) { Explain(code, path_, message, {}); }
  void Fail(std::string_view code, std::string_view name, const std::string& message) {
    Explain(code, PathOf(name), message, {});
  }

  // Any other member is unknown.
  void Expect(std::initializer_list<std::string_view> names);
  std::vector<std::string_view> Names() const;

  void Integer(std::string_view name, uint64_t least, uint64_t most, uint64_t* out);
  void Number(std::string_view name, uint64_t least, uint64_t most, double* out);
  // Which of the choices the member is.
  void Choice(std::string_view name, std::initializer_list<std::string_view> choices, uint32_t* out);

  // The members of a member that is an object; none if it is not there.
  JsonReader Object(std::string_view name);
  // The objects in a member that is an array.
  std::vector<JsonReader> Array(std::string_view name);

 private:
  JsonReader(const JsonDocument& document, const JsonValue* value, std::string path, std::string* fault);

  std::string PathOf(std::string_view name) const;
  const JsonValue* Member(std::string_view name) const;
  void ExpectObject(const std::string& subject);
  void Explain(std::string_view code, const std::string& path, const std::string& message,
               std::string_view nearest);

  const JsonDocument* document_;
  const JsonValue* value_;  // nullptr if it is not there.
  std::string path_;
  std::string* fault_;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_JSON_READER_H_
