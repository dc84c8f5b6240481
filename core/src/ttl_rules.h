// How long a value lives, by what it is and how and when it is used. Rules are a JSON object, each member of
// which may be left out, down to single multipliers; these are the defaults:
//
//   {
//     "defaultTtl": 300000,                // Milliseconds, for any type that is not among the types.
//     "types": { "user_stats": 300000, "file_content": 3600000, "file_list": 60000,
//                "markdown_render": 1800000, "search_results": 180000, "public_stats": 600000,
//                "bookmarks": 120000, "tags": 300000, "settings": 60000 },
//     "context": { "favorite": 1.5,        // Multipliers.
//                  "recentlyModified": { "within": 3600000, "multiplier": 0.5 },
//                  "highFrequency": 2,
//                  "premium": 0.7 },
//     "hours": [ { "from": 9, "to": 18, "multiplier": 0.7 },   // Of the day; `to` is not included.
//                { "from": 18, "to": 23, "multiplier": 1 } ],
//     "otherHours": 1.5,                   // Multiplier for the hours that are in none of `hours`.
//     "clamp": { "min": 30000, "max": 7200000 },
//     "jitter": 0                          // 0.1: the clamped ttl is scattered by 10 % both ways.
//   }
//
// `types` replaces and adds single types; `hours` replaces all hours, and may go on past midnight
// ({ "from": 22, "to": 6 }). Durations are from 1 to 2^53 - 1, multipliers from 0 to 1000, hours, which may
// have fractions, from 0 to 24.
#ifndef TIERCEL_SRC_TTL_RULES_H_
#define TIERCEL_SRC_TTL_RULES_H_

#include <cstdint>

#include "key.h"

namespace tiercel {

class JsonReader;

class TtlRules {
 public:
  static constexpr uint32_t kMaxTypes = 1024;     // Of the document.
  static constexpr uint32_t kMaxTypeBytes = 256;  // As stored.
  static constexpr uint32_t kMaxHours = 24;

  // Takes the rules of a document in place of the defaults; `read` has the fault if they are wrong, and then
  // these are of no use. False without memory.
  [[nodiscard]] bool Read(JsonReader read);

  // Whole milliseconds, at least 1. `flags` of TiercelTtlFlags; `modified` milliseconds ago and `hour` from 0
  // to below 24, negative if not known; `unit` a random number from 0 to below 1 for the jitter. O(types).
  // The same on every platform: no product is added to anything, which some would round once and others
  // twice.
  double Ttl(const Text& type, uint32_t flags, double modified, double hour, double unit) const;

 private:
  struct Type {
    uint32_t at;  // Of its name in `names_`.
    uint32_t bytes;
    bool wide;
    double ttl;
  };
  struct Hours {
    double from = 0;
    double to = 0;
    double multiplier = 0;

    bool Contain(double hour) const;
  };

  const Type* Find(const Text& name) const;
  [[nodiscard]] bool SetType(const Text& name, double ttl);
  [[nodiscard]] bool ReadTypes(JsonReader read);
  void ReadContext(JsonReader read);
  void ReadHours(JsonReader* read);
  double HourMultiplier(double hour) const;

  double default_ttl_ = 300000;
  Vector<Type> types_;
  Vector<uint8_t> names_;

  double favorite_ = 1.5;
  double within_ = 3600000;
  double recently_modified_ = 0.5;
  double high_frequency_ = 2;
  double premium_ = 0.7;

  Hours hours_[kMaxHours] = {{9, 18, 0.7}, {18, 23, 1}};
  uint32_t hours_size_ = 2;
  double other_hours_ = 1.5;

  double min_ = 30000;
  double max_ = 7200000;
  double jitter_ = 0;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_TTL_RULES_H_
