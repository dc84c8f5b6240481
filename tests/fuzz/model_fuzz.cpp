#include <string>

#include "engine.h"
#include "run.h"
#include "trial.h"

using namespace tiercel::test;

namespace {

std::optional<std::string> TryNew(const Sequence& sequence) {
  Engine engine;
  return Try(sequence, engine);
}

}  // namespace

TIERCEL_FUZZ("model", "a sequence of operations does what the model says") {
  // Longer ones find nothing more, and take the fuzzer's time.
  Sequence sequence = Decode(data, size < 4096 ? size : 4096);
  std::string report;
  if (TryNew(sequence)) {
    sequence = Shrink(sequence, [](const Sequence& s) { return TryNew(s).has_value(); });
    report = Print(sequence) + *TryNew(sequence);
  }
  FuzzExpect(report.empty(), report.c_str());
}
