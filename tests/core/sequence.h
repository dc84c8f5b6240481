// A sequence of calls on one small cache, decoded from bytes: random bytes make the random sequences of the
// model test, and the fuzzer mutates the same form.
//
// The space is kept small so that calls meet: 16 keys in each of 3 nested namespaces, 4 tags, 4 load
// registers, 1 iteration and 1 snapshot. No operation depends on an earlier one being there, so a sequence
// may be cut anywhere and stays one.
#ifndef TIERCEL_TESTS_CORE_SEQUENCE_H_
#define TIERCEL_TESTS_CORE_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "text.h"

namespace tiercel::test {

constexpr int kNamespaces = 3;  // The root, "a" below it and "b" below that.
constexpr int kKeys = 16;
constexpr int kPlaces = kNamespaces * kKeys;
constexpr int kTags = 4;
constexpr int kLoads = 4;

// A key in a namespace, as one number.
constexpr int PlaceOf(int ns, int key) { return ns * kKeys + key; }
constexpr int NamespaceOf(int place) { return place / kKeys; }

const Text& KeyText(int key);
const Text& TagText(int tag);
std::vector<Text> TagTexts(uint32_t mask);
std::vector<Text> KeyTexts(uint32_t mask);

enum class Kind : uint8_t {
  kGet,
  kSet,
  kDelete,
  kTouch,
  kAddTags,
  kClear,
  kInvalidate,
  kInvalidatePrefix,
  kInvalidatePattern,
  kSweep,
  kLoadBegin,
  kLoadTags,
  kLoadCommit,
  kLoadEnd,
  kAdvance,
  kResize,
  kSnapshot,
  kRestore,
  kIterate,
  kNext,
  kSeed,
  kFault,
  kReopen,
};

struct Op {
  Kind kind = Kind::kGet;
  int place = 0;
  bool as_utf16 = false;  // Pass the key as UTF-16 though Latin-1 would do.
  int load = 0;           // Register of a load.
  uint32_t tags = 0;      // Mask.
  uint32_t keys = 0;      // Mask of those in the same namespace that a value depends on.
  bool pinned = false;
  uint32_t flags = 0;  // Of a get.
  uint32_t mode = 0;   // Of a touch.
  Text text;           // A prefix or a pattern.
  uint32_t most = 0;   // Of a sweep; 0: to the end.
  uint32_t size = 0;   // Of a value.
  bool store = true;   // Of a commit.
  double ttl = 0;
  double stale = 0;
  double time = 0;      // kAdvance: milliseconds; negative: only the next call, back in time.
  double entries = -1;  // Bounds of a resize.
  double bytes = -1;
  int fail_after = 0;  // kFault: of the next call.
  bool and_after = false;
};

struct Setup {
  bool values_as_bytes = false;
  bool watched = false;
  uint32_t policy = 0;
  // What a call does with what can wait: 0: as it is built, which is all in a cache of this size. Else as in
  // a large one: 1: nothing; 2: one entry; 3: the same, but it looks at all keys to count them.
  uint32_t slice = 0;
  double max_entries = 8;
  double max_bytes = 0;
};

struct Sequence {
  Setup setup;
  std::vector<Op> ops;
};

Sequence Decode(const uint8_t* data, size_t size);

// A random sequence of `count` operations.
Sequence Generate(uint64_t seed, size_t count);

const char* PolicyName(const Setup& setup);

std::string Print(const Setup& setup);
std::string Print(const Op& op);
std::string Print(const Sequence& sequence);

// A shorter sequence for which `fails` still holds: leaves out runs of operations as long as it can.
Sequence Shrink(Sequence sequence, const std::function<bool(const Sequence&)>& fails);

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_SEQUENCE_H_
