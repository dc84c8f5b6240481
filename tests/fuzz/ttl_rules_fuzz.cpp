#include <cmath>
#include <string>

#include "document.h"
#include "options.h"
#include "run.h"
#include "ttl_rules.h"

using namespace tiercel::test;

TIERCEL_FUZZ("ttl_rules", "any bytes are ttl rules, or explained") {
  const std::string json =
      R"({"maxEntries":1,"ttlRules":)" + std::string(reinterpret_cast<const char*>(data), size) + "}";
  tiercel::Options options;
  std::string message;
  if (tiercel::ParseOptions(json.data(), json.size(), &options, &message)) {
    FuzzExpect(message.empty(), "rules that are right are not explained");
    for (const char* type : {"", "settings", "x"}) {
      const tiercel::Text text = {reinterpret_cast<const uint8_t*>(type),
                                  static_cast<uint32_t>(std::char_traits<char>::length(type)), false};
      for (uint32_t i = 0; i < 64 && options.ttl_rules != nullptr; i++) {
        const double ttl = options.ttl_rules->Ttl(text, i % 8, i % 3 - 1.0, i * 0.375 - 1, i / 64.0);
        FuzzExpect(ttl >= 1 && ttl <= 9007199254740991.0, "a ttl is in its range");
        FuzzExpect(ttl == std::floor(ttl), "a ttl is whole");
      }
    }
    return;
  }
  const Document fault(message);
  const std::string code = fault.String("code");
  const std::string path = fault.String("path");
  FuzzExpect(code == "syntax" || code == "unknown" || code == "type" || code == "range",
             "a fault has a code");
  FuzzExpect((code == "syntax") == path.empty(), "a fault has a path");
  FuzzExpect(path.empty() || path[0] == '/', "a path is a JSON pointer");
  FuzzExpect(fault.String("message") != "(none)", "a fault has a message");
}
