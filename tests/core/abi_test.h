/* The checks of the C tests of abi.h, which include nothing else of the project. */
#ifndef TIERCEL_TESTS_CORE_ABI_TEST_H_
#define TIERCEL_TESTS_CORE_ABI_TEST_H_

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tiercel/abi.h"

extern int failures;
extern const char* test_name;

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      failures++;                                                                    \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, test_name, #condition); \
    }                                                                                \
  } while (0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(literal) ((const uint8_t*)(literal)), (sizeof(literal) - 1)

static const char kBytesMode[] = "{\"maxEntries\":100,\"values\":\"bytes\"}";

static inline double Open(TiercelEngine* engine, const char* options) {
  return tiercel_cache_open(engine, options, (uint32_t)strlen(options));
}

static inline int32_t Set(TiercelEngine* engine, double ns, const char* key, const char* value) {
  return tiercel_set(engine, ns, (const uint8_t*)key, (uint32_t)strlen(key), TIERCEL_LATIN1,
                     (const uint8_t*)value, (uint32_t)strlen(value), 0, 0, 0, 0, NULL, 0, 0, 1);
}

static inline int32_t Get(TiercelEngine* engine, double ns, const char* key) {
  return tiercel_get(engine, ns, (const uint8_t*)key, (uint32_t)strlen(key), TIERCEL_LATIN1, 1, 0);
}

static inline int Holds(TiercelEngine* engine, double ns, const char* key, const char* value) {
  const double* r = tiercel_registers(engine);
  if (Get(engine, ns, key) < 0 || r[TIERCEL_R_VALUE_LENGTH] != (double)strlen(value)) return 0;
  return memcmp((const void*)(uintptr_t)r[TIERCEL_R_VALUE], value, strlen(value)) == 0;
}

static inline int Says(TiercelEngine* engine, const char* part) {
  return strstr(tiercel_message(engine), part) != NULL;
}

/* Runs the tests of bad and borderline arguments. Returns how many. */
int TestArguments(void);

/* Runs each of a list of tests. */
typedef struct Test {
  const char* name;
  void (*run)(void);
} Test;

#define TEST(function) \
  { #function, function }

static inline int RunAll(const Test* tests, size_t count) {
  for (size_t i = 0; i < count; i++) {
    test_name = tests[i].name;
    tests[i].run();
  }
  return (int)count;
}

#endif /* TIERCEL_TESTS_CORE_ABI_TEST_H_ */
