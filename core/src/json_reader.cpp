#include "json_reader.h"

#include <algorithm>

namespace tiercel {
namespace {

using Kind = JsonValue::Kind;

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

std::string_view Nearest(std::string_view name, std::initializer_list<std::string_view> names) {
  const std::string_view cut = name.substr(0, 32);
  return *std::min_element(names.begin(), names.end(), [cut](std::string_view a, std::string_view b) {
    return EditDistance(cut, a) < EditDistance(cut, b);
  });
}

// What a member is called in a message: "ttlRules/hours/0/from".
std::string Subject(const std::string& path) { return path.substr(1); }

std::string FromTo(uint64_t least, uint64_t most) {
  return " from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

JsonReader::JsonReader(const JsonDocument& document, std::string_view subject, std::string* fault)
    : JsonReader(document, &document.root(), "", fault) {
  if (value_->kind == Kind::kInvalid) {
    Fail("syntax", std::string(subject) + " are not valid JSON");
  } else {
    ExpectObject(std::string(subject));
  }
}

JsonReader::JsonReader(const JsonDocument& document, const JsonValue* value, std::string path,
                       std::string* fault)
    : document_(&document), value_(value), path_(std::move(path)), fault_(fault) {}

std::string JsonReader::PathOf(std::string_view name) const {
  std::string path = path_ + '/';
  for (const char c : name) {
    if (c == '~' || c == '/') {
      path += c == '~' ? "~0" : "~1";  // RFC 6901, section 3.
    } else {
      path += c;
    }
  }
  return path;
}

const JsonValue* JsonReader::Member(std::string_view name) const {
  return ok() && value_ != nullptr ? document_->Find(*value_, name) : nullptr;
}

bool JsonReader::Has(std::string_view name) const {
  return value_ != nullptr && document_->Find(*value_, name) != nullptr;
}

void JsonReader::Explain(std::string_view code, const std::string& path, const std::string& message,
                         std::string_view nearest) {
  if (!ok()) return;
  *fault_ = "{\"code\":" + JsonString(code) + ",\"path\":" + JsonString(path) +
            ",\"message\":" + JsonString(message);
  if (!nearest.empty()) *fault_ += ",\"nearest\":" + JsonString(nearest);
  *fault_ += '}';
}

void JsonReader::ExpectObject(const std::string& subject) {
  if (value_ != nullptr && value_->kind != Kind::kObject) Fail("type", subject + " must be a JSON object");
}

void JsonReader::Expect(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : Names()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string_view nearest = Nearest(name, names);
    Explain("unknown", PathOf(name),
            "there is no option " + Subject(PathOf(name)) + "; the nearest is " + std::string(nearest),
            nearest);
  }
}

std::vector<std::string_view> JsonReader::Names() const {
  std::vector<std::string_view> names;
  if (value_ == nullptr || value_->kind != Kind::kObject) return names;
  for (size_t i = value_->first; i != JsonValue::kNone; i = document_->values[i].sibling) {
    names.push_back(document_->values[i].key);
  }
  return names;
}

void JsonReader::Integer(std::string_view name, uint64_t least, uint64_t most, uint64_t* out) {
  const JsonValue* value = Member(name);
  if (value == nullptr) return;
  const std::string accepted = Subject(PathOf(name)) + " must be an integer" + FromTo(least, most);
  if (value->kind != Kind::kNumber) return Fail("type", name, accepted);
  const double number = value->number;
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      number != static_cast<double>(static_cast<uint64_t>(number))) {
    return Fail("range", name, accepted);
  }
  *out = static_cast<uint64_t>(number);
}

void JsonReader::Number(std::string_view name, uint64_t least, uint64_t most, double* out) {
  const JsonValue* value = Member(name);
  if (value == nullptr) return;
  const std::string accepted = Subject(PathOf(name)) + " must be a number" + FromTo(least, most);
  if (value->kind != Kind::kNumber) return Fail("type", name, accepted);
  const double number = value->number;
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most))) {
    return Fail("range", name, accepted);
  }
  *out = number;
}

void JsonReader::Choice(std::string_view name, std::initializer_list<std::string_view> choices,
                        uint32_t* out) {
  const JsonValue* value = Member(name);
  if (value == nullptr) return;
  std::string accepted = Subject(PathOf(name)) + " must be one of";
  uint32_t i = 0;
  for (const std::string_view choice : choices) {
    if (value->kind == Kind::kString && value->text == choice) {
      *out = i;
      return;
    }
    accepted += (i++ == 0 ? " \"" : ", \"") + std::string(choice) + "\"";
  }
  Fail(value->kind == Kind::kString ? "range" : "type", name, accepted);
}

JsonReader JsonReader::Object(std::string_view name) {
  JsonReader read(*document_, Member(name), PathOf(name), fault_);
  read.ExpectObject(Subject(read.path_));
  return read;
}

std::vector<JsonReader> JsonReader::Array(std::string_view name) {
  std::vector<JsonReader> items;
  const JsonValue* value = Member(name);
  if (value == nullptr) return items;
  const std::string path = PathOf(name);
  if (value->kind != Kind::kArray) Fail("type", name, Subject(path) + " must be an array");
  if (!ok()) return items;
  for (size_t i = value->first; i != JsonValue::kNone; i = document_->values[i].sibling) {
    items.push_back(
        JsonReader(*document_, &document_->values[i], path + '/' + std::to_string(items.size()), fault_));
    items.back().ExpectObject(Subject(items.back().path_));
  }
  return items;
}

}  // namespace tiercel
