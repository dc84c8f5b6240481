#include "key.h"

#include <string>
#include <vector>

#include "catch.h"
#include "packed.h"
#include "random.h"
#include "text.h"

namespace tiercel::test {
namespace {

tiercel::Text View(const Text& text) { return {text.data(), text.size(), text.encoding == TIERCEL_UTF16}; }

std::string Bytes(const tiercel::Text& text) {
  return {reinterpret_cast<const char*>(text.data), text.bytes};
}

}  // namespace

TEST_CASE("the canonical form of a string is the shortest") {
  Canonical canonical;
  tiercel::Text out;
  for (const char16_t* units :
       {u"", u"a", u"\u00ff", u"\u0100", u"a\u0100", u"\xd800", u"\x4e00\x4e01", u"\x00e9t\x00e9"}) {
    const Text text(units);
    REQUIRE(canonical.Make(text.data(), text.size(), true, &out));
    REQUIRE(out.wide == (text.canonical().encoding == TIERCEL_UTF16));
    REQUIRE(Bytes(out) == text.canonical().bytes);
  }
}

TEST_CASE("a stored string is equal to that string only") {
  std::vector<Text> texts = {"",
                             "a",
                             "ab",
                             Text(u"\x6261"),
                             std::string(23, 'x'),
                             std::string(24, 'x'),
                             std::string(25, 'x'),
                             std::string(24, 'x') + "y",
                             std::string(1000, 'x'),
                             Text(std::u16string(12, u'\x4e00')),
                             Text(std::u16string(13, u'\x4e00')),
                             std::string_view("\0", 1),
                             std::string_view("\0\0", 2)};
  const int64_t live = Faults().live;
  for (const Text& text : texts) {
    StoredText stored;
    REQUIRE(stored.Assign(View(text)));
    REQUIRE(Bytes(stored.view()) == text.bytes);
    for (const Text& other : texts) {
      REQUIRE(stored.Equals(View(other)) == (&other == &text));
    }
    stored.Release();
  }
  REQUIRE(Faults().live == live);
}

TEST_CASE("a long string without memory is not stored") {
  const Text text(std::string(1000, 'x'));
  StoredText stored;
  Faults().fail_after = 0;
  REQUIRE_FALSE(stored.Assign(View(text)));
  Faults().fail_after = -1;
  stored.Release();
}

TEST_CASE("the hash of a name depends on its place and kind and on its units") {
  const HashSeed seed = {1, 2};
  const Text name("name");
  const uint32_t hash = HashText(seed, 1, 1, View(name));
  REQUIRE(HashText(seed, 1, 1, View(name)) == hash);
  REQUIRE(HashText(seed, 2, 1, View(name)) != hash);
  REQUIRE(HashText(seed, 1, 2, View(name)) != hash);
  REQUIRE(HashText({1, 3}, 1, 1, View(name)) != hash);
  REQUIRE(HashText(seed, 1, 1, View(Text(u"\x616e\x656d"))) != hash);
}

TEST_CASE("a packed list is read as it was written") {
  Random random(1);
  for (int round = 0; round < 200; round++) {
    std::vector<Text> texts;
    Vector<uint8_t> list;
    for (uint32_t i = random.Below(6); i > 0; i--) {
      const bool wide = random.Below(2) == 0;
      texts.push_back(wide ? Text(std::u16string(random.Below(9), u'\x4e00'))
                           : Text(std::string(random.Below(9), 'x')));
      REQUIRE(PackedAppend(&list, View(texts.back())));
    }
    REQUIRE(std::string(list.begin(), list.end()) == Pack(texts));
    PackedReader reader(list.data(), static_cast<uint32_t>(list.size()));
    for (const Text& text : texts) {
      REQUIRE_FALSE(reader.done());
      const uint8_t* data = nullptr;
      uint32_t bytes = 0;
      uint32_t encoding = 0;
      uint32_t kind = 1;
      bool inherited = true;
      REQUIRE(reader.Next(&data, &bytes, &encoding, &kind, &inherited));
      REQUIRE_FALSE(inherited);
      REQUIRE(std::string(reinterpret_cast<const char*>(data), bytes) == text.bytes);
      REQUIRE(encoding == text.encoding);
      REQUIRE(kind == 0);
    }
    REQUIRE(reader.done());
  }
}

TEST_CASE("a packed list without memory stays as it is") {
  Vector<uint8_t> list;
  REQUIRE(PackedAppend(&list, View("a")));
  const std::string before(list.begin(), list.end());
  const Text large(std::string(100, 'x'));
  Faults().fail_after = 0;
  REQUIRE_FALSE(PackedAppend(&list, View(large)));
  Faults().fail_after = -1;
  REQUIRE(std::string(list.begin(), list.end()) == before);
}

}  // namespace tiercel::test
