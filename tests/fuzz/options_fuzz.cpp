#include <string>

#include "document.h"
#include "engine.h"
#include "run.h"

using namespace tiercel::test;

TIERCEL_FUZZ("options", "any bytes are options, or explained") {
  Engine engine;
  const double cache = engine.Open({reinterpret_cast<const char*>(data), size});
  if (cache > 0) {
    const Document stats(engine.Stats(cache));
    const double max_entries = stats.Number("maxEntries");
    const double max_bytes = stats.Number("maxBytes");
    FuzzExpect(max_entries >= 0 && max_entries <= 2147483647.0, "maxEntries is in its range");
    FuzzExpect(max_bytes >= 0 && max_bytes <= 9007199254740991.0, "maxBytes is in its range");
    FuzzExpect(max_entries + max_bytes > 0, "a cache has a bound");
    const int32_t slot = engine.Set(cache, "k", {.weight = 0}, 1);
    FuzzExpect(slot >= 0 || slot == TIERCEL_REJECTED, "a cache that opened can be used");
    return;
  }
  FuzzExpect(cache == kBadOption, "options that are wrong are bad options");
  const Document fault(engine.Message());
  const std::string code = fault.String("code");
  FuzzExpect(code == "syntax" || code == "unknown" || code == "type" || code == "range" || code == "bounds",
             "a fault has a code");
  FuzzExpect(!fault.String("message").empty() && fault.String("message") != "(none)",
             "a fault has a message");
  FuzzExpect(fault.String("path").empty() || fault.String("path")[0] == '/', "a fault has a path");
  FuzzExpect((code == "unknown") == (fault.Names().count("nearest") != 0),
             "an unknown name has a nearest one");
}
