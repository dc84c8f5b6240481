#include "ttl_rules.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "json_reader.h"
#include "tiercel/abi.h"

namespace tiercel {
namespace {

constexpr uint64_t kMaxDuration = (uint64_t{1} << 53) - 1;
constexpr uint64_t kMaxMultiplier = 1000;

struct NamedTtl {
  std::string_view name;
  double ttl;
};
constexpr NamedTtl kTypes[] = {
    {"user_stats", 300000},       {"file_content", 3600000},  {"file_list", 60000},
    {"markdown_render", 1800000}, {"search_results", 180000}, {"public_stats", 600000},
    {"bookmarks", 120000},        {"tags", 300000},           {"settings", 60000},
};

Text Latin1(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size()), false};
}

// Appends a name from the document, which is valid UTF-8, as UTF-16. False without memory.
[[nodiscard]] bool ToUtf16(std::string_view name, Vector<uint8_t>* units) {
  const auto push = [units](uint32_t unit) {
    return units->Push(static_cast<uint8_t>(unit & 0xff)) && units->Push(static_cast<uint8_t>(unit >> 8));
  };
  for (size_t i = 0; i < name.size();) {
    const auto head = static_cast<uint8_t>(name[i++]);
    const int more = (head >= 0xc0 ? 1 : 0) + (head >= 0xe0 ? 1 : 0) + (head >= 0xf0 ? 1 : 0);
    uint32_t point = more == 0 ? head : head & (0x3fU >> more);
    for (int k = 0; k < more; k++) point = (point << 6) | (static_cast<uint8_t>(name[i++]) & 0x3fU);
    if (point > 0xffff && !push(0xd7c0 + (point >> 10))) return false;
    if (!push(point > 0xffff ? 0xdc00 + (point & 0x3ff) : point)) return false;
  }
  return true;
}

}  // namespace

// ---- Reading

bool TtlRules::Read(JsonReader read) {
  for (const NamedTtl& type : kTypes) {
    if (!SetType(Latin1(type.name), type.ttl)) return false;
  }
  read.Expect({"defaultTtl", "types", "context", "hours", "otherHours", "clamp", "jitter"});
  read.Number("defaultTtl", 1, kMaxDuration, &default_ttl_);
  if (!ReadTypes(read.Object("types"))) return false;
  ReadContext(read.Object("context"));
  ReadHours(&read);
  read.Number("otherHours", 0, kMaxMultiplier, &other_hours_);

  JsonReader clamp = read.Object("clamp");
  clamp.Expect({"min", "max"});
  clamp.Number("min", 1, kMaxDuration, &min_);
  clamp.Number("max", 1, kMaxDuration, &max_);
  if (min_ > max_) clamp.Fail("range", "min, or its default, is more than max, or its default");
  read.Number("jitter", 0, 1, &jitter_);
  return true;
}

bool TtlRules::ReadTypes(JsonReader read) {
  const std::vector<std::string_view> names = read.Names();
  if (names.size() > kMaxTypes) {
    read.Fail("range", "there must not be more than " + std::to_string(kMaxTypes) + " types");
  }
  Vector<uint8_t> units;
  Canonical canonical;
  for (const std::string_view name : names) {
    Text text;
    units.Clear();
    if (!units.Reserve(2 * name.size()) || !ToUtf16(name, &units)) return false;
    if (!canonical.Make(units.data(), static_cast<uint32_t>(units.size()), true, &text)) return false;
    if (text.bytes > kMaxTypeBytes) {
      read.Fail("range", name,
                "the name of a type must not have more than " + std::to_string(kMaxTypeBytes) + " bytes");
    }
    double ttl = 0;
    read.Number(name, 1, kMaxDuration, &ttl);
    if (!read.ok()) break;
    if (!SetType(text, ttl)) return false;
  }
  return true;
}

void TtlRules::ReadContext(JsonReader read) {
  read.Expect({"favorite", "recentlyModified", "highFrequency", "premium"});
  read.Number("favorite", 0, kMaxMultiplier, &favorite_);
  read.Number("highFrequency", 0, kMaxMultiplier, &high_frequency_);
  read.Number("premium", 0, kMaxMultiplier, &premium_);

  JsonReader modified = read.Object("recentlyModified");
  modified.Expect({"within", "multiplier"});
  modified.Number("within", 1, kMaxDuration, &within_);
  modified.Number("multiplier", 0, kMaxMultiplier, &recently_modified_);
}

void TtlRules::ReadHours(JsonReader* read) {
  if (!read->Has("hours")) return;
  hours_size_ = 0;
  for (JsonReader& item : read->Array("hours")) {
    if (hours_size_ == kMaxHours) {
      return read->Fail("range", "hours",
                        "there must not be more than " + std::to_string(kMaxHours) + " ranges of hours");
    }
    item.Expect({"from", "to", "multiplier"});
    for (const std::string_view name : {"from", "to", "multiplier"}) {
      if (!item.Has(name)) item.Fail("type", name, std::string(name) + " must be given");
    }
    Hours hours;
    item.Number("from", 0, 24, &hours.from);
    item.Number("to", 0, 24, &hours.to);
    item.Number("multiplier", 0, kMaxMultiplier, &hours.multiplier);
    if (hours.from == hours.to || (hours.from == 24 && hours.to == 0)) {
      item.Fail("range", "these hours are empty");
    }
    if (hours.from == 24) hours.from = 0;
    for (uint32_t i = 0; i < hours_size_; i++) {
      if (!hours_[i].Contain(hours.from) && !hours.Contain(hours_[i].from)) continue;
      item.Fail("range", "these hours overlap those of number " + std::to_string(i));
    }
    hours_[hours_size_++] = hours;
  }
}

const TtlRules::Type* TtlRules::Find(const Text& name) const {
  for (size_t i = 0; i < types_.size(); i++) {
    const Type& type = types_[i];
    if (type.bytes != name.bytes || type.wide != name.wide) continue;
    if (name.bytes == 0 || std::memcmp(names_.data() + type.at, name.data, name.bytes) == 0) return &type;
  }
  return nullptr;
}

bool TtlRules::SetType(const Text& name, double ttl) {
  if (const Type* type = Find(name)) {
    types_[type - types_.data()].ttl = ttl;
    return true;
  }
  const auto at = static_cast<uint32_t>(names_.size());
  for (uint32_t i = 0; i < name.bytes; i++) {
    if (!names_.Push(name.data[i])) return false;
  }
  return types_.Push({at, name.bytes, name.wide, ttl});
}

// ---- Applying

bool TtlRules::Hours::Contain(double hour) const {
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

double TtlRules::HourMultiplier(double hour) const {
  for (uint32_t i = 0; i < hours_size_; i++) {
    if (hours_[i].Contain(hour)) return hours_[i].multiplier;
  }
  return other_hours_;
}

double TtlRules::Ttl(const Text& type, uint32_t flags, double modified, double hour, double unit) const {
  const Type* known = Find(type);
  double ttl = known == nullptr ? default_ttl_ : known->ttl;
  if ((flags & TIERCEL_TTL_FAVORITE) != 0) ttl *= favorite_;
  if ((flags & TIERCEL_TTL_HIGH_FREQUENCY) != 0) ttl *= high_frequency_;
  if ((flags & TIERCEL_TTL_PREMIUM) != 0) ttl *= premium_;
  if (modified >= 0 && modified < within_) ttl *= recently_modified_;
  if (hour >= 0) ttl *= HourMultiplier(hour);
  ttl = std::floor(std::clamp(ttl, min_, max_));
  ttl += std::floor(ttl * jitter_ * (2 * unit - 1));
  return std::clamp(ttl, 1.0, static_cast<double>(kMaxDuration));
}

}  // namespace tiercel
