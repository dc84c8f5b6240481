// Packed lists of strings as convention 6 of abi.h has them, read and put together on this side of it.
#ifndef TIERCEL_NODE_PACKED_LIST_H_
#define TIERCEL_NODE_PACKED_LIST_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tiercel/abi.h"

namespace tiercel::node {

// Statuses as calls that return a double give them.
constexpr double kOk = TIERCEL_OK;
constexpr double kMiss = TIERCEL_MISS;
constexpr double kRejected = TIERCEL_REJECTED;
constexpr double kOvertaken = TIERCEL_OVERTAKEN;
constexpr double kBadHandle = TIERCEL_BAD_HANDLE;
constexpr double kBadArgument = TIERCEL_BAD_ARGUMENT;
constexpr double kNoMemory = TIERCEL_NO_MEMORY;

// A string of JavaScript's where it lies: key, namespace part or tag.
struct Name {
  const uint8_t* data = nullptr;
  uint32_t bytes = 0;
  uint32_t encoding = TIERCEL_LATIN1;

  std::string_view view() const { return {reinterpret_cast<const char*>(data), bytes}; }
};

inline Name NameOf(const std::string& text, uint32_t encoding) {
  return {reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size()), encoding};
}

constexpr uint32_t kInherited = 0x80000000;
constexpr uint32_t kIsKey = 2;

// Calls each(name, head) for the strings of a list, up to where it is malformed: the core says so then.
template <typename Each>
void ForEachName(std::string_view list, Each each) {
  while (list.size() >= sizeof(uint32_t)) {
    uint32_t head = 0;
    std::memcpy(&head, list.data(), sizeof(head));
    const uint32_t bytes = (head & ~kInherited) >> 2;
    const uint64_t padded = (uint64_t{bytes} + 3) & ~uint64_t{3};
    if (padded > list.size() - sizeof(head)) return;
    each(Name{reinterpret_cast<const uint8_t*>(list.data()) + sizeof(head), bytes, head & 1}, head);
    list.remove_prefix(sizeof(head) + padded);
  }
}

inline void AppendName(std::string* list, std::string_view text, uint32_t head) {
  list->append(reinterpret_cast<const char*>(&head), sizeof(head));
  list->append(text);
  list->resize((list->size() + 3) & ~size_t{3}, '\0');
}

// The same in its canonical form: Latin-1 if all units fit.
inline void AppendCanonical(std::string* list, const Name& name) {
  std::string narrow;
  for (uint32_t i = 0; name.encoding == TIERCEL_UTF16 && i < name.bytes; i += 2) {
    if (name.data[i + 1] != 0) return AppendName(list, name.view(), name.bytes * 4 + TIERCEL_UTF16);
    narrow.push_back(static_cast<char>(name.data[i]));
  }
  const std::string_view text = name.encoding == TIERCEL_UTF16 ? std::string_view(narrow) : name.view();
  AppendName(list, text, static_cast<uint32_t>(text.size()) * 4);
}

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_PACKED_LIST_H_
