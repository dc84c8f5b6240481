// Checks whose failure is caught by the harness that made them, so that it can shrink the sequence. The rule
// is told in the words of the contract.
#ifndef TIERCEL_TESTS_CORE_RULES_H_
#define TIERCEL_TESTS_CORE_RULES_H_

#include <cstdint>
#include <sstream>
#include <string>

#include "tiercel/abi.h"

namespace tiercel::test {

struct Violation {
  std::string what;
};

inline void Expect(bool holds, const char* rule) {
  if (!holds) throw Violation{rule};
}

template <typename T, typename U>
void Same(const T& actual, const U& expected, const char* rule) {
  if (actual == expected) return;
  std::ostringstream out;
  out << rule << ": " << actual << " is not " << expected;
  throw Violation{out.str()};
}

template <typename T>
void Same(const T& actual, TiercelStatus expected, const char* rule) {
  Same(actual, int32_t{expected}, rule);
}

inline void AtMost(double actual, double most, const char* rule) {
  if (actual <= most) return;
  std::ostringstream out;
  out << rule << ": " << actual << " is more than " << most;
  throw Violation{out.str()};
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_RULES_H_
