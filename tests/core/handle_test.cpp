#include "handle.h"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "catch.h"
#include "random.h"

namespace tiercel::test {
namespace {

using Kind = HandleTable::Kind;

Cache* const kCache = nullptr;  // The table only passes it on.

}  // namespace

TEST_CASE("a handle finds its object until it is closed") {
  HandleTable table;
  const double one = table.Open(Kind::kNamespace, kCache, 1);
  const double two = table.Open(Kind::kLoad, kCache, 2);
  REQUIRE(table.Find(one, Kind::kNamespace)->id == 1);
  REQUIRE(table.Find(two, Kind::kLoad)->id == 2);
  REQUIRE(table.Find(one, Kind::kLoad) == nullptr);
  table.Close(one);
  REQUIRE(table.Find(one, Kind::kNamespace) == nullptr);
  REQUIRE(table.Find(two, Kind::kLoad) != nullptr);
}

TEST_CASE("a slot that is taken again has another handle, however often") {
  HandleTable table;
  std::set<double> handles;
  double last = 0;
  for (int i = 0; i < 100000; i++) {
    const double handle = table.Open(Kind::kLoad, kCache, 0);
    REQUIRE(handles.insert(handle).second);
    REQUIRE(table.Find(last, Kind::kLoad) == nullptr);
    table.Close(handle);
    last = handle;
  }
}

TEST_CASE("no other number is a handle") {
  HandleTable table;
  std::set<double> handles;
  for (uint32_t i = 0; i < 1000; i++) handles.insert(table.Open(Kind::kLoad, kCache, i));
  for (auto at = handles.begin(); at != handles.end();) {
    if (static_cast<uint64_t>(*at) % 3 == 0) {
      table.Close(*at);
      at = handles.erase(at);
    } else {
      ++at;
    }
  }
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> numbers = {0,         -0.0,   0.5,    -1,     std::nan(""), infinity,
                                 -infinity, 0x1p52, 0x1p53, 0x1p63, 0x1p64};
  for (const double handle : handles) {
    numbers.insert(numbers.end(), {handle + 0.5, -handle, handle * 2, handle + 0x1p20, handle - 0x1p20,
                                   std::nextafter(handle, infinity), std::nextafter(handle, 0)});
  }
  Random random(1);
  for (int i = 0; i < 100000; i++)
    numbers.push_back(static_cast<double>(random.Next() % (uint64_t{1} << 31)));
  for (const double number : numbers) {
    CAPTURE(number);
    const bool is_handle = !std::isnan(number) && handles.count(number) != 0;
    REQUIRE((table.Find(number, Kind::kLoad) != nullptr) == is_handle);
  }
}

TEST_CASE("a table without memory opens no handle") {
  HandleTable table;
  Faults().fail_after = 0;
  const double handle = table.Open(Kind::kLoad, kCache, 0);
  Faults().fail_after = -1;
  REQUIRE(handle <= 0);
  REQUIRE(table.Open(Kind::kLoad, kCache, 0) > 0);
}

}  // namespace tiercel::test
