/* The boundary as a C program sees it: what is passed in, and how it is refused. */
#include <math.h>

#include "abi_test.h"

static void WhatIsPassedInIsNotKept(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  char key[] = "a key that does not fit in place, being longer";
  char part[] = "a namespace that does not fit in place either";
  uint8_t value[] = "value";
  uint8_t tags[] = {12, 0, 0, 0, 't', 'a', 'g', 0};
  const double ns = tiercel_namespace(engine, cache, (const uint8_t*)part, sizeof(part) - 1, 0);
  CHECK(tiercel_set(engine, ns, (const uint8_t*)key, sizeof(key) - 1, 0, value, 5, 7, 0, 0, 0, tags,
                    sizeof(tags), 0, 1) >= 0);
  memset(key, 'x', sizeof(key) - 1);
  memset(part, 'x', sizeof(part) - 1);
  memset(value, 'x', sizeof(value) - 1);
  memset(tags, 0xff, sizeof(tags));
  CHECK(tiercel_namespace(engine, cache, BYTES("a namespace that does not fit in place either"), 0) == ns);
  CHECK(Holds(engine, ns, "a key that does not fit in place, being longer", "value"));
  CHECK(tiercel_registers(engine)[TIERCEL_R_FORMAT] == 7);
  static const uint8_t same[] = {12, 0, 0, 0, 't', 'a', 'g', 0};
  CHECK(tiercel_invalidate_tags(engine, ns, same, sizeof(same), 1) == 1);
  tiercel_engine_delete(engine);
}

static void TheBufferOfTheEngineTakesInputs(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  const uint32_t length = 1U << 20;
  uint8_t* buffer = tiercel_buffer(engine, length);
  memset(buffer, 'v', length);
  CHECK(tiercel_set(engine, cache, BYTES("key"), 0, buffer, length, 0, 0, 0, 0, NULL, 0, 0, 1) >= 0);
  memset(tiercel_buffer(engine, length), 'w', length);
  CHECK(Get(engine, cache, "key") >= 0);
  const double* r = tiercel_registers(engine);
  const uint8_t* value = (const uint8_t*)(uintptr_t)r[TIERCEL_R_VALUE];
  CHECK(r[TIERCEL_R_VALUE_LENGTH] == length && value[0] == 'v' && value[length - 1] == 'v');
  tiercel_engine_delete(engine);
}

static void StringsThatAreNoneAreRefused(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, "{\"maxEntries\":9,\"values\":\"bytes\",\"maxKeyBytes\":8}");
  static const struct {
    const char* bytes;
    uint32_t length;
    uint32_t encoding;
    int32_t status;
  } strings[] = {
      {"abc", 3, TIERCEL_UTF16, TIERCEL_BAD_ARGUMENT},
      {"abcd", 4, TIERCEL_MISSED + 1, TIERCEL_BAD_ARGUMENT},
      {"abcd", 4, UINT32_MAX, TIERCEL_BAD_ARGUMENT},
      {"123456789", 9, TIERCEL_LATIN1, TIERCEL_KEY_TOO_LONG},
      {"1111111111", 10, TIERCEL_UTF16, TIERCEL_KEY_TOO_LONG},
  };
  for (size_t i = 0; i < COUNT(strings); i++) {
    const uint8_t* s = (const uint8_t*)strings[i].bytes;
    const uint32_t n = strings[i].length;
    const uint32_t e = strings[i].encoding;
    const int32_t status = strings[i].status;
    CHECK(tiercel_get(engine, cache, s, n, e, 1, 0) == status);
    CHECK(tiercel_set(engine, cache, s, n, e, s, n, 0, 0, 0, 0, NULL, 0, 0, 1) == status);
    CHECK(tiercel_delete(engine, cache, s, n, e, 1) == status);
    CHECK(tiercel_touch(engine, cache, s, n, e, 1, 0, 1) == status);
    CHECK(tiercel_namespace(engine, cache, s, n, e) == status);
    CHECK(tiercel_load_begin(engine, cache, s, n, e) == status);
  }
  /* Only a set may refer to what was missed. */
  CHECK(tiercel_get(engine, cache, BYTES("abcd"), TIERCEL_MISSED, 1, 0) == TIERCEL_BAD_ARGUMENT);
  CHECK(tiercel_set(engine, cache, NULL, 0, TIERCEL_MISSED, BYTES("v"), 0, 0, 0, 0, NULL, 0, 0, 1) ==
        TIERCEL_MISS);
  CHECK(tiercel_get(engine, cache, BYTES("abcd"), TIERCEL_LATIN1, 1, 0) == TIERCEL_MISS);
  CHECK(tiercel_set(engine, cache, NULL, 0, TIERCEL_MISSED, BYTES("v"), 0, 0, 0, 0, NULL, 0, 0, 1) >= 0);
  CHECK(tiercel_delete(engine, cache, BYTES("abcd"), TIERCEL_LATIN1, 1) == 1);
  /* 8 Latin-1 units passed as 16 bytes fit; they are stored in 8. */
  CHECK(tiercel_get(engine, cache,
                    BYTES("1\0"
                          "2\0"
                          "3\0"
                          "4\0"
                          "5\0"
                          "6\0"
                          "7\0"
                          "8\0"),
                    TIERCEL_UTF16, 1, 0) == TIERCEL_MISS);
  CHECK(tiercel_size(engine, cache) == 0);
  tiercel_engine_delete(engine);
}

static void MalformedListsOfTagsChangeNothing(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, "{\"maxEntries\":9,\"values\":\"bytes\",\"maxKeyBytes\":8}");
  static const struct {
    const char* bytes;
    uint32_t length;
    int32_t status;
  } lists[] = {
      {"\4", 1, TIERCEL_BAD_ARGUMENT}, /* Not even a head. */
      {"\4\0\0", 3, TIERCEL_BAD_ARGUMENT},
      {"\4\0\0\0", 4, TIERCEL_BAD_ARGUMENT},  /* The length is past the end. */
      {"\4\0\0\0t", 5, TIERCEL_BAD_ARGUMENT}, /* Not padded. */
      {"\xff\xff\xff\xff"
       "tttt",
       8, TIERCEL_BAD_ARGUMENT}, /* 2^30 - 1 bytes. */
      {"\xfa\xff\xff\xff"
       "tttt",
       8, TIERCEL_BAD_ARGUMENT},
      {"\5\0\0\0t\0\0\0", 8, TIERCEL_BAD_ARGUMENT},          /* UTF-16 of one byte. */
      {"\4\0\0\0t\0\0\0\4\0\0\0", 12, TIERCEL_BAD_ARGUMENT}, /* The second of two. */
      {"\x24\0\0\0"
       "123456789\0\0\0",
       16, TIERCEL_KEY_TOO_LONG},
  };
  static const uint8_t tag[] = {4, 0, 0, 0, 't', 0, 0, 0};
  CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("kept"), 0, 0, 0, 0, tag, sizeof(tag), 0, 1) >= 0);
  for (size_t i = 0; i < COUNT(lists); i++) {
    const uint8_t* list = (const uint8_t*)lists[i].bytes;
    const double load = tiercel_load_begin(engine, cache, BYTES("key"), 0);
    CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("v"), 0, 0, 0, 0, list, lists[i].length, 0, 1) ==
          lists[i].status);
    CHECK(tiercel_invalidate_tags(engine, cache, list, lists[i].length, 1) == (double)lists[i].status);
    CHECK(tiercel_load_tags(engine, load, list, lists[i].length) == lists[i].status);
    /* The load goes on: a set that fails does not overtake it, and its handle is kept. */
    CHECK(tiercel_load_commit(engine, load, BYTES("v"), 0, 0, 0, 0, list, lists[i].length, 0, 1, 1) ==
          lists[i].status);
    CHECK(tiercel_load_commit(engine, load, BYTES("v"), 0, 0, 0, 0, NULL, 0, 0, 1, 0) == TIERCEL_OK);
    CHECK(Holds(engine, cache, "key", "kept"));
  }
  tiercel_engine_delete(engine);
}

static void AnEntryHasAtMost64Tags(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  uint8_t tags[(TIERCEL_MAX_TAGS + 1) * 8] = {0};
  for (uint32_t i = 0; i <= TIERCEL_MAX_TAGS; i++) {
    tags[i * 8] = 4;
    tags[i * 8 + 4] = (uint8_t)('0' + i);
  }
  const uint32_t most = TIERCEL_MAX_TAGS * 8;
  const int32_t slot =
      tiercel_set(engine, cache, BYTES("key"), 0, BYTES("kept"), 0, 0, 0, 0, tags, most, 0, 1);
  CHECK(slot >= 0 && tiercel_tags(engine, cache, slot) == TIERCEL_MAX_TAGS);
  CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("v"), 0, 0, 0, 0, tags, most + 8, 0, 1) ==
        TIERCEL_LIMIT);
  CHECK(Holds(engine, cache, "key", "kept"));
  const double load = tiercel_load_begin(engine, cache, BYTES("key"), 0);
  CHECK(tiercel_load_commit(engine, load, BYTES("v"), 0, 0, 0, 0, tags, most + 8, 0, 1, 1) == TIERCEL_LIMIT);
  CHECK(tiercel_load_commit(engine, load, BYTES("new"), 0, 0, 0, 0, tags, most, 0, 1, 1) >= 0);
  CHECK(Holds(engine, cache, "key", "new"));
  /* A tag given twice is one tag. */
  memcpy(tags + most, tags, 8);
  CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("v"), 0, 0, 0, 0, tags, most + 8, 0, 1) >= 0);
  tiercel_engine_delete(engine);
}

static void NumbersOutOfRangeChangeNothing(void) {
  static const double bad[] = {-1, -5e-324, NAN, -INFINITY, INFINITY, 1e300, 9007199254740992.0};
  for (int by_reference = 0; by_reference < 2; by_reference++) {
    TiercelEngine* engine = tiercel_engine_new(NULL);
    const double cache = Open(engine, by_reference != 0 ? "{\"maxEntries\":9}" : kBytesMode);
    const int32_t slot =
        tiercel_set(engine, cache, BYTES("key"), 0, BYTES("kept"), 0, 1, 0, 0, NULL, 0, 0, 1);
    const double load = tiercel_load_begin(engine, cache, BYTES("key"), 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
      const double b = bad[i];
      const int32_t refused = TIERCEL_BAD_ARGUMENT;
      CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("v"), 0, 1, b, 0, NULL, 0, 0, 1) == refused);
      CHECK(tiercel_set(engine, cache, BYTES("key"), 0, BYTES("v"), 0, 1, 9, b, NULL, 0, 0, 1) == refused);
      CHECK(tiercel_touch(engine, cache, BYTES("key"), 0, b, 0, 1) == refused);
      CHECK(tiercel_load_commit(engine, load, BYTES("v"), 0, 1, b, 0, NULL, 0, 0, 1, 1) == refused);
      CHECK(tiercel_load_commit(engine, load, BYTES("v"), 0, 1, 9, b, NULL, 0, 0, 1, 1) == refused);
      if (by_reference == 0) continue;
      CHECK(tiercel_set(engine, cache, BYTES("key"), 0, NULL, 0, 0, b, 0, 0, NULL, 0, 0, 1) == refused);
      CHECK(tiercel_load_commit(engine, load, NULL, 0, 0, b, 0, 0, NULL, 0, 0, 1, 1) == refused);
    }
    CHECK(Get(engine, cache, "key") == slot);
    CHECK(tiercel_registers(engine)[TIERCEL_R_TTL] == (double)INFINITY);
    CHECK(tiercel_load_end(engine, load) == TIERCEL_OK);
    tiercel_engine_delete(engine);
  }
}

static void BoundsOutOfRangeChangeNothing(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  static const double bounds[][2] = {
      {0, 0},         {0, -1},        {NAN, -1},          {-1, NAN},
      {INFINITY, -1}, {-1, INFINITY}, {2147483648.0, -1}, {-1, 9007199254740992.0},
      {0.5, -1},      {1.5, -1},      {-1, 0.5}};
  for (size_t i = 0; i < COUNT(bounds); i++) {
    CHECK(tiercel_cache_resize(engine, cache, bounds[i][0], bounds[i][1]) == TIERCEL_BAD_ARGUMENT);
  }
  CHECK(tiercel_cache_stats(engine, cache, 0) == TIERCEL_OK);
  CHECK(Says(engine, "\"maxEntries\":100,") && Says(engine, "\"maxBytes\":0,"));
  CHECK(tiercel_cache_resize(engine, cache, 2147483647.0, 9007199254740991.0) == TIERCEL_OK);
  CHECK(tiercel_cache_resize(engine, cache, -1, 0) == TIERCEL_OK);
  tiercel_engine_delete(engine);
}

static void SlotsThatAreNoneAreRefused(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  const int32_t slot = Set(engine, cache, "key", "value");
  static const int32_t slots[] = {-1, -2, 1, 255, 256, 1 << 20, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < COUNT(slots); i++) {
    if (slots[i] == slot) continue;
    CHECK(tiercel_value(engine, cache, slots[i]) == TIERCEL_BAD_ARGUMENT);
    CHECK(tiercel_tags(engine, cache, slots[i]) == TIERCEL_BAD_ARGUMENT);
    CHECK(tiercel_removal(engine, cache, (uint32_t)slots[i]) == TIERCEL_BAD_ARGUMENT);
    if (slots[i] != -1) CHECK(tiercel_next(engine, cache, slots[i], 1e6, 1) == TIERCEL_MISS);
  }
  CHECK(tiercel_delete(engine, cache, BYTES("key"), 0, 1) == 1);
  CHECK(tiercel_value(engine, cache, slot) == TIERCEL_BAD_ARGUMENT);
  tiercel_engine_delete(engine);
}

static void WrongOptionsAreExplained(void) {
  static const struct {
    const char* options;
    const char* path;
    const char* nearest;
  } cases[] = {
      {"", "\"path\":\"\"", NULL},
      {"{", "\"path\":\"\"", NULL},
      {"[]", "\"path\":\"\"", NULL},
      {"{\"maxEntrys\":1}", "\"path\":\"/maxEntrys\"", "\"nearest\":\"maxEntries\""},
      {"{\"maxbytes\":1}", "\"path\":\"/maxbytes\"", "\"nearest\":\"maxBytes\""},
      {"{\"maxEntries\":-1}", "\"path\":\"/maxEntries\"", NULL},
      {"{\"values\":\"byte\"}", "\"path\":\"/values\"", NULL},
      {"{\"maxEntries\":0}", "\"path\":\"/maxEntries\"", NULL},
  };
  TiercelEngine* engine = tiercel_engine_new(NULL);
  CHECK(strcmp(tiercel_message(engine), "") == 0 && tiercel_message_length(engine) == 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    CHECK(Open(engine, cases[i].options) == (double)TIERCEL_BAD_OPTION);
    CHECK(Says(engine, "\"code\":\"") && Says(engine, "\"message\":\"") && Says(engine, cases[i].path));
    CHECK(cases[i].nearest == NULL ? !Says(engine, "\"nearest\"") : Says(engine, cases[i].nearest));
    CHECK(tiercel_message_length(engine) == strlen(tiercel_message(engine)));
  }
  tiercel_engine_delete(engine);
}

static void ABadArgumentIsExplained(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  CHECK(tiercel_touch(engine, cache, BYTES("key"), 0, -1, 0, 1) == TIERCEL_BAD_ARGUMENT);
  CHECK(Says(engine, "\"message\":\"") && Says(engine, "ttl"));
  CHECK(tiercel_set(engine, cache, BYTES("key"), 7, BYTES("v"), 0, 0, 0, 0, NULL, 0, 0, 1) ==
        TIERCEL_BAD_ARGUMENT);
  CHECK(Says(engine, "\"message\":\"") && Says(engine, "encoding"));
  tiercel_engine_delete(engine);
}

int TestArguments(void) {
  static const Test tests[] = {
      TEST(WhatIsPassedInIsNotKept),       TEST(TheBufferOfTheEngineTakesInputs),
      TEST(StringsThatAreNoneAreRefused),  TEST(MalformedListsOfTagsChangeNothing),
      TEST(AnEntryHasAtMost64Tags),        TEST(NumbersOutOfRangeChangeNothing),
      TEST(BoundsOutOfRangeChangeNothing), TEST(SlotsThatAreNoneAreRefused),
      TEST(WrongOptionsAreExplained),      TEST(ABadArgumentIsExplained),
  };
  return RunAll(tests, COUNT(tests));
}
