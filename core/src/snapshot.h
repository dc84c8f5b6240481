// The byte format of a snapshot. All numbers are little-endian.
//
//   header   magic (8 bytes), version u32, flags u32, identity u64, sequence u64, now f64, wall f64, checksum
//   u64 chunk    magic u32, length u32 of the records, checksum u64, records; as many as it takes record type
//   u8, then as Begin... writes it
//
// Several snapshots may follow one another, as those of the stripes of a cache do: the entries after a header
// are of the cache that it tells of.
//
// A chunk can be read without the others: a damaged one is left out. A damaged header, or another version,
// makes the whole unreadable. The checksum is SipHash-1-3 under a fixed key: it finds damage, it proves
// nothing about who wrote the bytes, so a reader believes no length or number that it has not compared with
// what there is.
#ifndef TIERCEL_SRC_SNAPSHOT_H_
#define TIERCEL_SRC_SNAPSHOT_H_

#include <cstdint>

#include "key.h"
#include "memory.h"

namespace tiercel {

struct SnapshotHeader {
  bool bytes_mode = false;
  uint64_t identity = 0;  // Of the cache, as far as its seed tells it from others.
  uint64_t sequence = 0;  // The cache's when the snapshot was taken.
  double now = 0;
  double wall = 0;  // Milliseconds since 1970, or 0.
};

// What is kept of an entry beside its names, key and value, which follow it in this order.
struct SnapshotEntry {
  double fresh_left = 0;  // Milliseconds, infinity for ever.
  double stale = 0;
  uint64_t weight = 0;  // Reference mode.
  uint32_t names = 0;
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  uint8_t format = 0;
  bool wide = false;
  bool pinned = false;
};

// A tag of an entry, or a key it depends on.
struct SnapshotName {
  Text text;
  bool is_key = false;
  bool inherited = false;
};

class SnapshotWriter {
 public:
  // Drops what it has and begins anew. False without memory, as all below; then the snapshot is of no use.
  [[nodiscard]] bool Begin(const SnapshotHeader& header);
  // The namespace of the entries that follow, as the parts of its path.
  [[nodiscard]] bool BeginNamespace(const Text* parts, uint32_t count);
  [[nodiscard]] bool BeginEntry(const SnapshotEntry& entry);
  [[nodiscard]] bool AddName(const SnapshotName& name);
  [[nodiscard]] bool AddBytes(const uint8_t* data, uint32_t bytes);
  // Closes the chunk if it is long enough. True if the next record begins another one.
  bool EndEntry();
  void End() { CloseChunk(); }
  void Drop();

  const uint8_t* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }

 private:
  template <typename T>
  [[nodiscard]] bool Put(const T& value) {
    return AddBytes(reinterpret_cast<const uint8_t*>(&value), sizeof(value));
  }
  [[nodiscard]] bool OpenChunk();
  void CloseChunk();

  Vector<uint8_t> bytes_;
  size_t chunk_ = 0;  // Where the open chunk begins, 0 if none is open.
};

class SnapshotReader {
 public:
  enum class Record : uint8_t { kEnd = 0, kNamespace = 1, kEntry = 2, kHeader = 3 };

  SnapshotReader() = default;

  // Takes a copy. False without memory.
  [[nodiscard]] bool Begin(const uint8_t* data, uint32_t bytes);
  // The header that comes next, first of all. False if it is none of this version.
  [[nodiscard]] bool ReadHeader(SnapshotHeader* header);

  // The type of the next record; what is left of the one before is skipped by the caller's reading it.
  // kHeader stands for another snapshot, and ReadHeader has to follow.
  Record Next();
  // Makes Next give the last record again.
  void Repeat() { at_ = record_; }
  // What a record consists of; false if the chunk is malformed, after which Next goes on with another chunk.
  [[nodiscard]] bool ReadNamespace(uint32_t* parts);
  [[nodiscard]] bool ReadEntry(SnapshotEntry* entry);
  [[nodiscard]] bool ReadName(SnapshotName* name);
  [[nodiscard]] bool ReadBytes(uint32_t bytes, const uint8_t** data);
  void Drop();

 private:
  template <typename T>
  [[nodiscard]] bool Get(T* value) {
    const uint8_t* from = nullptr;
    if (!ReadBytes(sizeof(T), &from)) return false;
    std::memcpy(value, from, sizeof(T));
    return true;
  }
  // Goes to the next chunk whose checksum is right; false at a header, and at the end.
  bool EnterChunk();
  bool IsAtHeader() const;

  Vector<uint8_t> bytes_;
  size_t at_ = 0;
  size_t end_ = 0;     // Of the chunk's records.
  size_t record_ = 0;  // Where the last record begins.
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_SNAPSHOT_H_
