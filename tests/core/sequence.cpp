#include "sequence.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "random.h"

namespace tiercel::test {
namespace {

constexpr size_t kSetupBytes = 3;
constexpr size_t kOpBytes = 8;

// How often each kind comes up.
struct Share {
  Kind kind;
  uint32_t share;
};
constexpr Share kKinds[] = {
    {Kind::kGet, 6},
    {Kind::kSet, 7},
    {Kind::kDelete, 2},
    {Kind::kTouch, 2},
    {Kind::kClear, 1},
    {Kind::kInvalidate, 2},
    {Kind::kLoadBegin, 4},
    {Kind::kLoadCommit, 4},
    {Kind::kLoadEnd, 1},
    {Kind::kAdvance, 3},
    {Kind::kIterate, 1},
    {Kind::kNext, 3},
    {Kind::kLoadTags, 2},
    {Kind::kAddTags, 2},
    {Kind::kSweep, 1},
    {Kind::kTouch, 1},
    {Kind::kInvalidatePrefix, 1},
    {Kind::kInvalidatePattern, 1},
};

Kind PickKind(uint32_t number) {
  uint32_t all = 0;
  for (const Share& share : kKinds) all += share.share;
  number %= all;
  const Share* at = kKinds;
  for (; number >= at->share; at++) number -= at->share;
  return at->kind;
}

// One in 16 operations is one of these.
constexpr Kind kRareKinds[] = {Kind::kResize,   Kind::kResize,  Kind::kSeed,   Kind::kFault,
                               Kind::kFault,    Kind::kFault,   Kind::kSeed,   Kind::kReopen,
                               Kind::kSnapshot, Kind::kRestore, Kind::kRestore};

constexpr uint32_t kTagMasks[] = {0, 0, 0, 0, 1, 1, 2, 2, 4, 8, 3, 5, 6, 9, 12, 15};
// Half of the values depend on nothing, the others mostly on the keys that half of the calls go to.
constexpr uint32_t kKeyMasks[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 0x9, 0x42};
constexpr const char* kPolicies[] = {"adaptive", "lru", "sieve", "s3fifo"};
constexpr uint32_t kSlices[] = {0, 0, 0, 1, 2, 3};
constexpr uint32_t kMost[] = {0, 0, 1, 1, 2, 5, 1000};
constexpr double kTtls[] = {0, 0, 0, 1, 3, 10, 10, 50};
constexpr double kStales[] = {0, 0, 2, 20};
constexpr uint32_t kSizes[] = {12, 12, 12, 13, 40, 100, 300, 1000};
constexpr double kTimes[] = {0, 0.5, 1, 1, 2, 3, 9, 30, 100, -1, -1000};
constexpr double kEntryBounds[] = {0, 1, 2, 5, 20, 1000, 1000, -1};
constexpr double kByteBounds[] = {0, 0, 0, 300, 900, 2500, 20000, -1};

template <typename T, size_t kCount>
T Pick(const T (&choices)[kCount], uint32_t number) {
  return choices[number % kCount];
}

// For a prefix each is what it is; for a pattern some have wildcards.
const Text& Pattern(uint32_t number) {
  static const std::array<Text, 20> texts = {
      Text("a"),    Text("a:"),       Text("b"),       Text(""),
      Text("*"),    Text("?"),        Text("a*"),      Text("*b"),
      Text("[ab]"), Text("[^a-y]*"),  Text("a\\:?"),   Text("a key "),
      Text("x"),    Text("__*_"),     Text(u"\x4e00"), Text(u"[\xd800-\xdfff]*"),
      Text("\xe9"), Text(u"\xd83d?"), Text("??*"),     Text("a:b:"),
  };
  return texts[number % texts.size()];
}

Setup DecodeSetup(const uint8_t* data) {
  Setup setup;
  setup.values_as_bytes = (data[0] & 1) != 0;
  setup.watched = (data[0] & 2) != 0;
  setup.max_entries = std::max(0.0, Pick(kEntryBounds, data[0] >> 2));
  setup.max_bytes = std::max(0.0, Pick(kByteBounds, data[1]));
  setup.policy = data[2] % 4;
  setup.slice = Pick(kSlices, data[2] >> 2);
  if (setup.max_entries == 0 && setup.max_bytes == 0) setup.max_entries = 8;
  return setup;
}

Op DecodeOp(const uint8_t* data) {
  Op op;
  op.kind = data[0] >= 240 ? Pick(kRareKinds, data[0]) : PickKind(data[0]);
  // Half of the calls go to 6 of the 48 places, so that keys meet again soon.
  op.place = data[1] < 128 ? PlaceOf(data[1] % 3, data[1] / 3 % 2) : data[1] % kPlaces;
  op.load = data[2] % kLoads;
  op.tags = Pick(kTagMasks, data[2] >> 2);
  op.as_utf16 = data[2] >= 128;
  op.flags = data[3] % 4;
  op.size = Pick(kSizes, data[3] >> 2);
  op.store = data[3] < 240;
  op.ttl = Pick(kTtls, data[4]);
  op.stale = Pick(kStales, data[4] >> 3);
  op.time = Pick(kTimes, data[5]);
  op.entries = Pick(kEntryBounds, data[5]);
  op.bytes = Pick(kByteBounds, data[5] >> 4);
  op.fail_after = data[5] % 8;
  op.and_after = data[5] >= 128;
  op.keys = Pick(kKeyMasks, data[6] >> 4);
  op.text = Pattern(data[6]);
  op.most = Pick(kMost, data[6]);
  op.pinned = data[7] % 16 == 1;
  op.mode = (data[7] >> 4) % 3;
  return op;
}

}  // namespace

const Text& KeyText(int key) {
  static const std::array<Text, kKeys> texts = {
      Text(""),
      Text("a"),
      Text("b"),
      Text("a:b"),
      Text(std::string_view("\0", 1)),
      Text(std::string_view("a\0", 2)),
      Text("\xe9"),
      Text(u"\u00e9\u0100"),
      Text(u"\xd800"),
      Text(u"\xdc00"),
      Text(u"\xd83d\xde00"),
      Text(u"\xfffd"),
      Text("__proto__"),
      Text("a key that is longer than what is kept in place"),
      Text(std::string(200, 'x')),
      Text(std::u16string(100, u'\x4e00')),
  };
  return texts[static_cast<size_t>(key)];
}

const Text& TagText(int tag) {
  static const std::array<Text, kTags> texts = {Text("a"), Text("b"), Text(""), Text(u"\xd800 tag")};
  return texts[static_cast<size_t>(tag)];
}

std::vector<Text> TagTexts(uint32_t mask) {
  std::vector<Text> texts;
  for (int tag = 0; tag < kTags; tag++) {
    if ((mask >> tag & 1) != 0) texts.push_back(TagText(tag));
  }
  return texts;
}

std::vector<Text> KeyTexts(uint32_t mask) {
  std::vector<Text> texts;
  for (int key = 0; key < kKeys; key++) {
    if ((mask >> key & 1) != 0) texts.push_back(KeyText(key));
  }
  return texts;
}

Sequence Decode(const uint8_t* data, size_t size) {
  Sequence sequence;
  if (size < kSetupBytes) return sequence;
  sequence.setup = DecodeSetup(data);
  for (size_t at = kSetupBytes; at + kOpBytes <= size; at += kOpBytes)
    sequence.ops.push_back(DecodeOp(data + at));
  return sequence;
}

Sequence Generate(uint64_t seed, size_t count) {
  Random random(seed);
  std::vector<uint8_t> bytes(kSetupBytes + count * kOpBytes);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  return Decode(bytes.data(), bytes.size());
}

const char* PolicyName(const Setup& setup) { return kPolicies[setup.policy]; }

std::string Print(const Setup& setup) {
  std::ostringstream out;
  out << (setup.values_as_bytes ? "bytes" : "reference") << (setup.watched ? " watched " : " ")
      << PolicyName(setup) << " slice=" << setup.slice << " maxEntries=" << setup.max_entries
      << " maxBytes=" << setup.max_bytes;
  return out.str();
}

std::string Print(const Op& op) {
  std::ostringstream out;
  const auto place = [&] {
    out << " ns=" << NamespaceOf(op.place) << " key=" << op.place % kKeys << (op.as_utf16 ? "w" : "");
  };
  const auto stored = [&] {
    out << " size=" << op.size << " ttl=" << op.ttl << " stale=" << op.stale << " tags=" << op.tags
        << " keys=" << op.keys << (op.pinned ? " pinned" : "");
  };
  switch (op.kind) {
    case Kind::kGet:
      out << "get", place(), out << " flags=" << op.flags;
      break;
    case Kind::kSet:
      out << "set", place(), stored();
      break;
    case Kind::kDelete:
      out << "delete", place();
      break;
    case Kind::kTouch:
      out << "touch", place(), out << " ttl=" << op.ttl << " mode=" << op.mode;
      break;
    case Kind::kAddTags:
      out << "add tags", place(), out << " tags=" << op.tags;
      break;
    case Kind::kClear:
      out << "clear ns=" << NamespaceOf(op.place);
      break;
    case Kind::kInvalidate:
      out << "invalidate ns=" << NamespaceOf(op.place) << " tags=" << op.tags;
      break;
    case Kind::kInvalidatePrefix:
    case Kind::kInvalidatePattern:
      out << (op.kind == Kind::kInvalidatePrefix ? "prefix" : "pattern") << " ns=" << NamespaceOf(op.place)
          << " text=" << (op.text.encoding == TIERCEL_LATIN1 ? op.text.bytes : "(wide)");
      break;
    case Kind::kSweep:
      out << "sweep " << op.most;
      break;
    case Kind::kLoadBegin:
      out << "load begin #" << op.load, place();
      break;
    case Kind::kLoadTags:
      out << "load tags #" << op.load << " tags=" << op.tags << " keys=" << op.keys;
      break;
    case Kind::kLoadCommit:
      out << "load commit #" << op.load << " store=" << op.store, stored();
      break;
    case Kind::kLoadEnd:
      out << "load end #" << op.load;
      break;
    case Kind::kAdvance:
      out << "advance " << op.time;
      break;
    case Kind::kResize:
      out << "resize entries=" << op.entries << " bytes=" << op.bytes;
      break;
    case Kind::kSnapshot:
      out << "snapshot";
      break;
    case Kind::kRestore:
      out << "restore";
      break;
    case Kind::kIterate:
      out << "iterate ns=" << NamespaceOf(op.place);
      break;
    case Kind::kNext:
      out << "next ns=" << NamespaceOf(op.place);
      break;
    case Kind::kSeed:
      out << "seed " << op.place;
      break;
    case Kind::kFault:
      out << "fault after=" << op.fail_after << (op.and_after ? " and all after" : "");
      break;
    case Kind::kReopen:
      out << "reopen";
      break;
  }
  return out.str();
}

std::string Print(const Sequence& sequence) {
  std::string text = Print(sequence.setup) + "\n";
  for (const Op& op : sequence.ops) text += "  " + Print(op) + "\n";
  return text;
}

Sequence Shrink(Sequence sequence, const std::function<bool(const Sequence&)>& fails) {
  for (size_t run = std::max<size_t>(1, sequence.ops.size() / 2);;) {
    bool shorter = false;
    for (size_t at = 0; at < sequence.ops.size();) {
      Sequence candidate = sequence;
      const auto from = candidate.ops.begin() + static_cast<ptrdiff_t>(at);
      candidate.ops.erase(from, from + static_cast<ptrdiff_t>(std::min(run, candidate.ops.size() - at)));
      if (fails(candidate)) {
        sequence = std::move(candidate);
        shorter = true;
      } else {
        at += run;
      }
    }
    if (run > 1) {
      run /= 2;
    } else if (!shorter) {
      return sequence;
    }
  }
}

}  // namespace tiercel::test
