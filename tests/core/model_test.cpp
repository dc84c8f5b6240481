// Random sequences of operations against the reference model. TIERCEL_MODEL_SEQUENCES says how many (a soak
// runs 200000), TIERCEL_MODEL_SEED which is the first; a failure prints the seed and a shrunk sequence.
#include <cstdlib>
#include <string>

#include "catch.h"
#include "trial.h"

namespace tiercel::test {
namespace {

constexpr size_t kOperations = 300;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::optional<std::string> TryNew(const Sequence& sequence) {
  Engine engine;
  return Try(sequence, engine);
}

// The same sequences in one mode of the four.
void Run(bool values_as_bytes, bool watched) {
  const uint64_t first = FromEnvironment("TIERCEL_MODEL_SEED", 1);
  const uint64_t count = (FromEnvironment("TIERCEL_MODEL_SEQUENCES", 4000) + 3) / 4;
  for (uint64_t seed = first; seed < first + count; seed++) {
    Sequence sequence = Generate(seed, kOperations);
    sequence.setup.values_as_bytes = values_as_bytes;
    sequence.setup.watched = watched;
    if (!TryNew(sequence)) continue;
    const Sequence shrunk = Shrink(sequence, [](const Sequence& s) { return TryNew(s).has_value(); });
    FAIL("TIERCEL_MODEL_SEED=" << seed << "\n" << Print(shrunk) << *TryNew(shrunk));
  }
  SUCCEED();
}

}  // namespace

TEST_CASE("values by reference, watched, are as the model says") { Run(false, true); }

TEST_CASE("values by reference, not watched, are as the model says") { Run(false, false); }

TEST_CASE("values as bytes, watched, are as the model says") { Run(true, true); }

TEST_CASE("values as bytes, not watched, are as the model says") { Run(true, false); }

TEST_CASE("a sequence is the same for the same seed") {
  REQUIRE(Print(Generate(7, kOperations)) == Print(Generate(7, kOperations)));
  REQUIRE(Print(Generate(7, kOperations)) != Print(Generate(8, kOperations)));
}

}  // namespace tiercel::test
