#include "sequence.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "random.h"

namespace tiercel::test {
namespace {

constexpr size_t kSetupBytes = 2;
constexpr size_t kOpBytes = 6;

// How often each kind comes up, by repetition.
constexpr Kind kKinds[] = {
    Kind::kGet,        Kind::kGet,        Kind::kGet,        Kind::kGet,        Kind::kGet,
    Kind::kGet,        Kind::kSet,        Kind::kSet,        Kind::kSet,        Kind::kSet,
    Kind::kSet,        Kind::kSet,        Kind::kSet,        Kind::kDelete,     Kind::kDelete,
    Kind::kTouch,      Kind::kTouch,      Kind::kClear,      Kind::kInvalidate, Kind::kInvalidate,
    Kind::kLoadBegin,  Kind::kLoadBegin,  Kind::kLoadBegin,  Kind::kLoadBegin,  Kind::kLoadCommit,
    Kind::kLoadCommit, Kind::kLoadCommit, Kind::kLoadCommit, Kind::kLoadEnd,    Kind::kAdvance,
    Kind::kAdvance,    Kind::kAdvance,    Kind::kIterate,    Kind::kNext,       Kind::kNext,
    Kind::kNext,       Kind::kLoadTags,   Kind::kLoadTags,
};

// One in 16 operations is one of these.
constexpr Kind kRareKinds[] = {Kind::kResize, Kind::kResize, Kind::kSeed, Kind::kFault,
                               Kind::kFault,  Kind::kFault,  Kind::kSeed, Kind::kReopen};

constexpr uint32_t kTagMasks[] = {0, 0, 0, 0, 1, 1, 2, 2, 4, 8, 3, 5, 6, 9, 12, 15};
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

Setup DecodeSetup(const uint8_t* data) {
  Setup setup;
  setup.values_as_bytes = (data[0] & 1) != 0;
  setup.watched = (data[0] & 2) != 0;
  setup.max_entries = std::max(0.0, Pick(kEntryBounds, data[0] >> 2));
  setup.max_bytes = std::max(0.0, Pick(kByteBounds, data[1]));
  if (setup.max_entries == 0 && setup.max_bytes == 0) setup.max_entries = 8;
  return setup;
}

Op DecodeOp(const uint8_t* data) {
  Op op;
  op.kind = data[0] >= 240 ? Pick(kRareKinds, data[0]) : Pick(kKinds, data[0]);
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

std::string Print(const Setup& setup) {
  std::ostringstream out;
  out << (setup.values_as_bytes ? "bytes" : "reference") << (setup.watched ? " watched" : "")
      << " maxEntries=" << setup.max_entries << " maxBytes=" << setup.max_bytes;
  return out.str();
}

std::string Print(const Op& op) {
  std::ostringstream out;
  const auto place = [&] {
    out << " ns=" << NamespaceOf(op.place) << " key=" << op.place % kKeys << (op.as_utf16 ? "w" : "");
  };
  const auto stored = [&] {
    out << " size=" << op.size << " ttl=" << op.ttl << " stale=" << op.stale << " tags=" << op.tags;
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
      out << "touch", place(), out << " ttl=" << op.ttl;
      break;
    case Kind::kClear:
      out << "clear ns=" << NamespaceOf(op.place);
      break;
    case Kind::kInvalidate:
      out << "invalidate ns=" << NamespaceOf(op.place) << " tags=" << op.tags;
      break;
    case Kind::kLoadBegin:
      out << "load begin #" << op.load, place();
      break;
    case Kind::kLoadTags:
      out << "load tags #" << op.load << " tags=" << op.tags;
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
