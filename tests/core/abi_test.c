/* The boundary as a C program sees it: versions, life cycles and handles. Prints what fails. */
#include "abi_test.h"

#include <math.h>

int failures = 0;
const char* test_name = "";

/* ---- Every call that takes a handle, with otherwise good arguments. */

static double CallClose(TiercelEngine* e, double h) { return tiercel_cache_close(e, h); }
static double CallSeed(TiercelEngine* e, double h) {
  static const uint8_t seed[TIERCEL_SEED_BYTES] = {1};
  return tiercel_cache_seed(e, h, seed);
}
static double CallResize(TiercelEngine* e, double h) { return tiercel_cache_resize(e, h, 10, -1); }
static double CallWatch(TiercelEngine* e, double h) { return tiercel_cache_watch(e, h, 1); }
static double CallStats(TiercelEngine* e, double h) { return tiercel_cache_stats(e, h, 0); }
static double CallNamespace(TiercelEngine* e, double h) { return tiercel_namespace(e, h, BYTES("n"), 0); }
static double CallClear(TiercelEngine* e, double h) { return tiercel_clear(e, h, 1); }
static double CallSize(TiercelEngine* e, double h) { return tiercel_size(e, h); }
static double CallGet(TiercelEngine* e, double h) { return Get(e, h, "key"); }
static double CallSet(TiercelEngine* e, double h) { return Set(e, h, "key", "other"); }
static double CallDelete(TiercelEngine* e, double h) { return tiercel_delete(e, h, BYTES("key"), 0, 1); }
static double CallTouch(TiercelEngine* e, double h) { return tiercel_touch(e, h, BYTES("key"), 0, 5, 0, 1); }
static double CallInvalidate(TiercelEngine* e, double h) { return tiercel_invalidate_tags(e, h, NULL, 0, 1); }
static double CallTags(TiercelEngine* e, double h) { return tiercel_tags(e, h, 0); }
static double CallValue(TiercelEngine* e, double h) { return tiercel_value(e, h, 0); }
static double CallIterate(TiercelEngine* e, double h) { return tiercel_iterate(e, h); }
static double CallNext(TiercelEngine* e, double h) { return tiercel_next(e, h, -1, 1e6, 1); }
static double CallLoadBegin(TiercelEngine* e, double h) { return tiercel_load_begin(e, h, BYTES("key"), 0); }
static double CallRemoval(TiercelEngine* e, double h) { return tiercel_removal(e, h, 0); }
static double CallRemovalsClear(TiercelEngine* e, double h) { return tiercel_removals_clear(e, h); }
static double CallLoadCommit(TiercelEngine* e, double h) {
  return tiercel_load_commit(e, h, BYTES("v"), 0, 1, 0, 0, NULL, 0, 0, 1, 1);
}
static double CallLoadTags(TiercelEngine* e, double h) { return tiercel_load_tags(e, h, NULL, 0); }
static double CallLoadOvertake(TiercelEngine* e, double h) { return tiercel_load_overtake(e, h); }
static double CallLoadEnd(TiercelEngine* e, double h) { return tiercel_load_end(e, h); }

typedef struct Call {
  const char* name;
  double (*make)(TiercelEngine* engine, double handle);
} Call;

static const Call kNamespaceCalls[] = {
    {"cache_close", CallClose},
    {"cache_seed", CallSeed},
    {"cache_resize", CallResize},
    {"cache_watch", CallWatch},
    {"cache_stats", CallStats},
    {"namespace", CallNamespace},
    {"clear", CallClear},
    {"size", CallSize},
    {"get", CallGet},
    {"set", CallSet},
    {"delete", CallDelete},
    {"touch", CallTouch},
    {"invalidate", CallInvalidate},
    {"tags", CallTags},
    {"value", CallValue},
    {"iterate", CallIterate},
    {"next", CallNext},
    {"load_begin", CallLoadBegin},
    {"removal", CallRemoval},
    {"removals_clear", CallRemovalsClear},
};

static const Call kLoadCalls[] = {{"load_commit", CallLoadCommit},
                                  {"load_tags", CallLoadTags},
                                  {"load_overtake", CallLoadOvertake},
                                  {"load_end", CallLoadEnd}};

static void EveryCallRefuses(TiercelEngine* engine, double handle, const Call* calls, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (calls[i].make(engine, handle) == (double)TIERCEL_BAD_HANDLE) continue;
    failures++;
    fprintf(stderr, "%s: %s takes the handle %.17g\n", test_name, calls[i].name, handle);
  }
}

static void AllCallsRefuse(TiercelEngine* engine, double handle) {
  EveryCallRefuses(engine, handle, kNamespaceCalls, COUNT(kNamespaceCalls));
  EveryCallRefuses(engine, handle, kLoadCalls, COUNT(kLoadCalls));
}

static uint64_t NextRandom(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* ---- Tests */

static void TheVersionIsThatOfTheHeader(void) { CHECK(tiercel_abi_version() == TIERCEL_ABI_VERSION); }

static void AnEngineUsesTheRegistersOfItsCaller(void) {
  double registers[TIERCEL_REGISTERS] = {0};
  TiercelEngine* mine = tiercel_engine_new(registers);
  TiercelEngine* own = tiercel_engine_new(NULL);
  CHECK(mine != NULL && tiercel_registers(mine) == registers);
  CHECK(own != NULL && tiercel_registers(own) != NULL && tiercel_registers(own) != registers);
  const double cache = Open(mine, kBytesMode);
  CHECK(Set(mine, cache, "key", "value") >= 0);
  CHECK(registers[TIERCEL_R_ENTRIES] == 1);
  tiercel_engine_delete(mine);
  tiercel_engine_delete(own);
  tiercel_engine_delete(NULL);
}

static void ABufferIsAlignedAndLargeEnough(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  static const uint32_t sizes[] = {0, 1, 7, 4096, 65535, 65536, 65537, 1U << 20, 10};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    uint8_t* buffer = tiercel_buffer(engine, sizes[i]);
    CHECK(buffer != NULL && (uintptr_t)buffer % 8 == 0);
    if (buffer != NULL) memset(buffer, 0xff, sizes[i]);
  }
  tiercel_engine_delete(engine);
}

static void NoMadeUpNumberIsAHandle(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  const double ns = tiercel_namespace(engine, cache, BYTES("n"), 0);
  const double load = tiercel_load_begin(engine, ns, BYTES("key"), 0);
  CHECK(cache > 0 && ns > 0 && load > 0 && cache != ns && ns != load);
  CHECK(Set(engine, cache, "key", "value") >= 0);

  const double numbers[] = {0,
                            -0.0,
                            1,
                            -1,
                            0.5,
                            NAN,
                            INFINITY,
                            -INFINITY,
                            1e300,
                            -1e300,
                            5e-324,
                            1048576,
                            1048575,
                            4294967296.0,
                            9007199254740992.0,
                            4503599627370496.0,
                            1.8446744073709552e19,
                            -cache,
                            cache + 0.25,
                            cache + 1048576,
                            cache - 1048576,
                            ns + 0.5};
  for (size_t i = 0; i < COUNT(numbers); i++) {
    const int is_real = numbers[i] == cache || numbers[i] == ns || numbers[i] == load;
    if (!is_real) AllCallsRefuse(engine, numbers[i]);
  }

  /* Any bits make a double, and any small integer is near a handle. */
  uint64_t state = 88172645463325252U;
  for (int i = 0; i < 20000; i++) {
    const uint64_t bits = NextRandom(&state);
    double number = 0;
    memcpy(&number, &bits, sizeof(number));
    if ((i & 1) != 0) number = (double)(bits % (64U << 20));
    if (number == cache || number == ns || number == load) continue;
    CHECK(tiercel_size(engine, number) == (double)TIERCEL_BAD_HANDLE);
    CHECK(tiercel_load_end(engine, number) == TIERCEL_BAD_HANDLE);
  }
  CHECK(tiercel_size(engine, cache) == 1);
  CHECK(Holds(engine, cache, "key", "value"));
  CHECK(tiercel_load_end(engine, load) == TIERCEL_OK);
  tiercel_engine_delete(engine);
}

static void AHandleOfOneKindIsNoneOfTheOther(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  const double load = tiercel_load_begin(engine, cache, BYTES("key"), 0);
  EveryCallRefuses(engine, load, kNamespaceCalls, COUNT(kNamespaceCalls));
  EveryCallRefuses(engine, cache, kLoadCalls, COUNT(kLoadCalls));
  CHECK(tiercel_load_end(engine, load) == TIERCEL_OK);
  tiercel_engine_delete(engine);
}

static void AllHandlesOfAClosedCacheAreBad(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double other = Open(engine, kBytesMode);
  CHECK(Set(engine, other, "key", "kept") >= 0);
  for (int round = 0; round < 3; round++) {
    const double cache = Open(engine, kBytesMode);
    const double ns = tiercel_namespace(engine, cache, BYTES("n"), 0);
    const double below = tiercel_namespace(engine, ns, BYTES("n"), 0);
    const double load = tiercel_load_begin(engine, below, BYTES("key"), 0);
    CHECK(Set(engine, below, "key", "value") >= 0);
    /* Any handle of a cache closes it. */
    CHECK(tiercel_cache_close(engine, round == 0 ? cache : below) == TIERCEL_OK);
    const double handles[] = {cache, ns, below, load};
    for (size_t i = 0; i < COUNT(handles); i++) AllCallsRefuse(engine, handles[i]);
    /* What takes the freed numbers is not reached through the old ones. */
    const double next = Open(engine, kBytesMode);
    CHECK(next != cache);
    for (size_t i = 0; i < COUNT(handles); i++) AllCallsRefuse(engine, handles[i]);
    CHECK(tiercel_size(engine, next) == 0);
  }
  CHECK(Holds(engine, other, "key", "kept"));
  tiercel_engine_delete(engine);
}

static void ALoadEndsOnce(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  const double cache = Open(engine, kBytesMode);
  const double ended = tiercel_load_begin(engine, cache, BYTES("a"), 0);
  CHECK(tiercel_load_end(engine, ended) == TIERCEL_OK);
  EveryCallRefuses(engine, ended, kLoadCalls, COUNT(kLoadCalls));
  const double stored = tiercel_load_begin(engine, cache, BYTES("a"), 0);
  CHECK(stored != ended);
  CHECK(CallLoadCommit(engine, stored) >= 0);
  EveryCallRefuses(engine, stored, kLoadCalls, COUNT(kLoadCalls));
  EveryCallRefuses(engine, ended, kLoadCalls, COUNT(kLoadCalls));
  const double overtaken = tiercel_load_begin(engine, cache, BYTES("a"), 0);
  CHECK(tiercel_clear(engine, cache, 1) == 1);
  CHECK(CallLoadCommit(engine, overtaken) == (double)TIERCEL_OVERTAKEN);
  EveryCallRefuses(engine, overtaken, kLoadCalls, COUNT(kLoadCalls));
  tiercel_engine_delete(engine);
}

static void EnginesShareNothing(void) {
  TiercelEngine* one = tiercel_engine_new(NULL);
  TiercelEngine* two = tiercel_engine_new(NULL);
  const double in_one = Open(one, kBytesMode);
  CHECK(tiercel_size(two, in_one) == (double)TIERCEL_BAD_HANDLE);
  const double in_two = Open(two, kBytesMode);
  CHECK(Set(one, in_one, "key", "one") >= 0);
  CHECK(Get(two, in_two, "key") == TIERCEL_MISS);
  tiercel_engine_delete(one);
  CHECK(Set(two, in_two, "key", "two") >= 0);
  CHECK(Holds(two, in_two, "key", "two"));
  tiercel_engine_delete(two);
}

/* A frame of the place [""], with nothing else. */
static void AFrameIsSealedAndChecked(void) {
  TiercelEngine* engine = tiercel_engine_new(NULL);
  static const uint8_t place[4] = {0};
  uint8_t frame[TIERCEL_FRAME_HEAD + sizeof(place)] = {0};
  CHECK(tiercel_frame_check(engine, frame, sizeof(frame), place, sizeof(place)) == TIERCEL_FRAME_FOREIGN);
  CHECK(tiercel_frame_seal(engine, frame, sizeof(frame)) == TIERCEL_FRAME_MALFORMED);
  frame[TIERCEL_FRAME_LENGTHS + 4] = sizeof(place);
  CHECK(tiercel_frame_seal(engine, frame, sizeof(frame)) == TIERCEL_FRAME_SOUND);
  CHECK(tiercel_frame_check(engine, frame, sizeof(frame), place, sizeof(place)) == TIERCEL_FRAME_SOUND);
  CHECK(tiercel_frame_check(engine, frame, sizeof(frame), NULL, 0) == TIERCEL_FRAME_OTHER_PLACE);
  CHECK(tiercel_frame_check(engine, NULL, 0, NULL, 0) == TIERCEL_FRAME_TRUNCATED);
  frame[TIERCEL_FRAME_TTL] ^= 1;
  CHECK(tiercel_frame_check(engine, frame, sizeof(frame), place, sizeof(place)) == TIERCEL_FRAME_DAMAGED);
  tiercel_engine_delete(engine);
}

int main(void) {
  static const Test tests[] = {
      TEST(TheVersionIsThatOfTheHeader),
      TEST(AnEngineUsesTheRegistersOfItsCaller),
      TEST(ABufferIsAlignedAndLargeEnough),
      TEST(NoMadeUpNumberIsAHandle),
      TEST(AHandleOfOneKindIsNoneOfTheOther),
      TEST(AllHandlesOfAClosedCacheAreBad),
      TEST(ALoadEndsOnce),
      TEST(EnginesShareNothing),
      TEST(AFrameIsSealedAndChecked),
  };
  const int count = RunAll(tests, COUNT(tests)) + TestArguments();
  printf("%d tests, %d checks failed\n", count, failures);
  return failures == 0 ? 0 : 1;
}
