// One body, two uses. Built with TIERCEL_FUZZER it is a libFuzzer target; built into the Catch2 program it is
// a test that replays the corpus, and inputs derived from it, so that what the fuzzer found stays found.
//
//   TIERCEL_FUZZ("options", "any bytes are options, or explained") { ... data, size ... }
#ifndef TIERCEL_TESTS_FUZZ_RUN_H_
#define TIERCEL_TESTS_FUZZ_RUN_H_

#include <cstddef>
#include <cstdint>

#ifdef TIERCEL_FUZZER

#include <cstdio>
#include <cstdlib>

#define TIERCEL_FUZZ(corpus, sentence)                                      \
  static void FuzzBody(const uint8_t* data, size_t size);                   \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    FuzzBody(data, size);                                                   \
    return 0;                                                               \
  }                                                                         \
  static void FuzzBody(const uint8_t* data, size_t size)

namespace tiercel::test {

inline void FuzzExpect(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", rule);
  std::abort();
}

}  // namespace tiercel::test

#else

#include "catch.h"

#define TIERCEL_FUZZ(corpus, sentence)                               \
  static void FuzzBody(const uint8_t* data, size_t size);            \
  TEST_CASE(sentence) { ::tiercel::test::Replay(corpus, FuzzBody); } \
  static void FuzzBody(const uint8_t* data, size_t size)

namespace tiercel::test {

// Runs a body on each file of a corpus, and on changed copies of them. Files that end in .hex are hexadecimal
// digits with spaces, newlines and comments from # to the end of the line.
void Replay(const char* corpus, void (*body)(const uint8_t* data, size_t size));

inline void FuzzExpect(bool holds, const char* rule) {
  if (!holds) FAIL(rule);
}

}  // namespace tiercel::test

#endif

#endif  // TIERCEL_TESTS_FUZZ_RUN_H_
