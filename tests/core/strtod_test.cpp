// The module's own strtod against that of the C library here.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "catch.h"
#include "random.h"

extern "C" double tiercel_strtod(const char* text, char** end);

namespace tiercel::test {
namespace {

bool IsSame(double a, double b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

void Check(const std::string& text) {
  char* end = nullptr;
  char* expected_end = nullptr;
  const double number = tiercel_strtod(text.c_str(), &end);
  const double expected = std::strtod(text.c_str(), &expected_end);
  CAPTURE(text, number, expected);
  REQUIRE(IsSame(number, expected));
  REQUIRE(end == expected_end);
}

std::string Print(const char* format, int digits, long double number) {
  std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, format, digits, number)) + 1, 0);
  std::snprintf(text.data(), text.size(), format, digits, number);
  text.pop_back();
  return text;
}

double DoubleOf(uint64_t bits) {
  double number = 0;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

}  // namespace

TEST_CASE("text is the nearest number, where that is hard to tell as well") {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "00000",
                           "1",
                           "-1",
                           "0.1",
                           "5e-1",
                           "1E+2",
                           "9007199254740993",
                           "9007199254740992.5",
                           "9007199254740993.000000000000000000000001",
                           "1e23",
                           "8.5e22",
                           "123456789012345678901234567890",
                           "1.7976931348623157e308",
                           "1.7976931348623158e308",
                           "1.7976931348623159e308",
                           "1e309",
                           "1e99999999",
                           "4.9e-324",
                           "2.4703282292062327e-324",
                           "2.4703282292062328e-324",
                           "2.2250738585072011e-308",
                           "2.2250738585072014e-308",
                           "1e-400",
                           "1e-99999999",
                           "0e999999",
                           "1.5, and more",
                           "12e3]"}) {
    Check(text);
  }
  Check(std::string(2000, '9'));
  Check("0." + std::string(2000, '0') + "1");
  Check("1" + std::string(1500, '0') + "1e-1501");
}

TEST_CASE("text of any number is that number, and between two it is the even one or the nearer") {
  Random random(1);
  for (int i = 0; i < 20000; i++) {
    const double number = DoubleOf(random.Next());
    if (!std::isfinite(number)) continue;
    Check(Print("%.*Lg", 17, number));
    Check(Print("%.*Lg", static_cast<int>(random.Below(20)) + 1, number));
    Check(std::to_string(random.Next() >> random.Below(64)) + "." + std::to_string(random.Next()) + "e" +
          std::to_string(static_cast<int>(random.Below(700)) - 350));
  }
  // Long doubles have room for what lies half way.
  if (std::numeric_limits<long double>::digits < 54) return;
  for (int i = 0; i < 500; i++) {
    const uint64_t bits = random.Next() >> 1;
    const long double low = DoubleOf(bits);
    const long double high = DoubleOf(bits + 1);
    if (!std::isfinite(static_cast<double>(high))) continue;
    std::string half = Print("%.*Le", 790, (low + high) / 2);
    Check(half);
    half[half.find('e') - 1] = '1';
    Check(half);
  }
}

}  // namespace tiercel::test
