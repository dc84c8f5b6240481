// A JSON document that the core gave out, read as numbers and strings.
#ifndef TIERCEL_TESTS_CORE_DOCUMENT_H_
#define TIERCEL_TESTS_CORE_DOCUMENT_H_

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

namespace tiercel::test {

class Document {
 public:
  explicit Document(const std::string& text) : json_(nlohmann::json::parse(text, nullptr, false)) {}

  bool is_object() const { return json_.is_object(); }

  // NaN, which is equal to nothing, if there is no such number.
  double Number(const std::string& name) const {
    const auto found = json_.find(name);
    const bool is_number = found != json_.end() && found->is_number();
    return is_number ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
  }

  std::string String(const std::string& name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_string() ? found->get<std::string>() : "(none)";
  }

  Document Object(const std::string& name) const {
    const auto found = json_.find(name);
    return Document(found == json_.end() ? nlohmann::json() : *found);
  }

  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& [name, value] : json_.items()) names.insert(name);
    return names;
  }

  // Of all numbers in the object.
  double Sum() const {
    double sum = 0;
    for (const std::string& name : Names()) sum += Number(name);
    return sum;
  }

 private:
  explicit Document(nlohmann::json json) : json_(std::move(json)) {}

  nlohmann::json json_;
};

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_DOCUMENT_H_
