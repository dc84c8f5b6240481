// Runs a sequence on an engine and on the model side by side, and compares after each operation.
#ifndef TIERCEL_TESTS_CORE_TRIAL_H_
#define TIERCEL_TESTS_CORE_TRIAL_H_

#include <optional>
#include <string>

#include "engine.h"
#include "sequence.h"

namespace tiercel::test {

// What is wrong and after which operation, or nothing. The engine is a new one.
std::optional<std::string> Try(const Sequence& sequence, Engine& engine);

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_TRIAL_H_
