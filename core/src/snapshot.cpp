#include "snapshot.h"

#include "siphash.h"

namespace tiercel {
namespace {

constexpr uint8_t kMagic[8] = {'t', 'i', 'e', 'r', 'c', 'e', 'l', 0x1a};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kBytesMode = 1;  // Of the header's flags.
constexpr size_t kHeaderBytes = 56;

constexpr uint32_t kChunkMagic = 0x6b6e6863;
constexpr size_t kChunkHead = 16;
constexpr size_t kChunkBytes = size_t{64} * 1024;  // A chunk ends with the record that reaches this.

constexpr HashSeed kChecksumKey = {0x7469657263656c31, 0x736e617073686f74};

// Of an entry's flags, above its format.
constexpr uint8_t kWide = 0x10;
constexpr uint8_t kPinned = 0x20;

uint64_t Checksum(uint64_t prefix, const uint8_t* data, size_t bytes) {
  return SipHash13(kChecksumKey, prefix, data, static_cast<uint32_t>(bytes));
}

}  // namespace

// ---- Writing

bool SnapshotWriter::AddBytes(const uint8_t* data, uint32_t bytes) {
  const size_t at = bytes_.size();
  if (!bytes_.Grow(bytes)) return false;
  if (bytes != 0) std::memcpy(bytes_.data() + at, data, bytes);
  return true;
}

bool SnapshotWriter::Begin(const SnapshotHeader& header) {
  Drop();
  const uint32_t flags = header.bytes_mode ? kBytesMode : 0;
  if (!AddBytes(kMagic, sizeof(kMagic)) || !Put(kVersion) || !Put(flags) || !Put(header.identity) ||
      !Put(header.sequence) || !Put(header.now) || !Put(header.wall)) {
    return false;
  }
  return Put(Checksum(0, bytes_.data(), bytes_.size()));
}

bool SnapshotWriter::OpenChunk() {
  if (chunk_ != 0) return true;
  const size_t at = bytes_.size();
  if (!bytes_.Grow(kChunkHead)) return false;
  chunk_ = at;
  return true;
}

void SnapshotWriter::CloseChunk() {
  if (chunk_ == 0) return;
  uint8_t* const head = bytes_.data() + chunk_;
  const auto length = static_cast<uint32_t>(bytes_.size() - chunk_ - kChunkHead);
  const uint64_t checksum = Checksum(length, head + kChunkHead, length);
  std::memcpy(head, &kChunkMagic, sizeof(kChunkMagic));
  std::memcpy(head + 4, &length, sizeof(length));
  std::memcpy(head + 8, &checksum, sizeof(checksum));
  chunk_ = 0;
}

bool SnapshotWriter::BeginNamespace(const Text* parts, uint32_t count) {
  if (!OpenChunk() || !Put(SnapshotReader::Record::kNamespace) || !Put(count)) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!AddName({parts[i]})) return false;
  }
  return true;
}

bool SnapshotWriter::BeginEntry(const SnapshotEntry& entry) {
  const auto flags =
      static_cast<uint8_t>(entry.format | (entry.wide ? kWide : 0) | (entry.pinned ? kPinned : 0));
  return OpenChunk() && Put(SnapshotReader::Record::kEntry) && Put(flags) && Put(entry.names) &&
         Put(entry.key_bytes) && Put(entry.value_bytes) && Put(entry.fresh_left) && Put(entry.stale) &&
         Put(entry.weight);
}

bool SnapshotWriter::AddName(const SnapshotName& name) {
  const uint32_t head = name.text.bytes << 3 | (name.inherited ? 4U : 0U) | (name.is_key ? 2U : 0U) |
                        (name.text.wide ? 1U : 0U);
  return Put(head) && AddBytes(name.text.data, name.text.bytes);
}

bool SnapshotWriter::EndEntry() {
  if (bytes_.size() - chunk_ < kChunkBytes) return false;
  CloseChunk();
  return true;
}

void SnapshotWriter::Drop() {
  bytes_.Reset();
  chunk_ = 0;
}

// ---- Reading

bool SnapshotReader::Begin(const uint8_t* data, uint32_t bytes) {
  Drop();
  if (!bytes_.Grow(bytes)) return false;
  if (bytes != 0) std::memcpy(bytes_.data(), data, bytes);
  return true;
}

bool SnapshotReader::ReadHeader(SnapshotHeader* header) {
  const size_t begin = at_;
  end_ = bytes_.size() - begin < kHeaderBytes ? begin : begin + kHeaderBytes;
  const uint8_t* magic = nullptr;
  uint32_t version = 0;
  uint32_t flags = 0;
  uint64_t checksum = 0;
  if (!ReadBytes(sizeof(kMagic), &magic) || std::memcmp(magic, kMagic, sizeof(kMagic)) != 0 ||
      !Get(&version) || version != kVersion || !Get(&flags) || !Get(&header->identity) ||
      !Get(&header->sequence) || !Get(&header->now) || !Get(&header->wall)) {
    return false;
  }
  header->bytes_mode = (flags & kBytesMode) != 0;
  const uint64_t right = Checksum(0, bytes_.data() + begin, at_ - begin);
  return Get(&checksum) && checksum == right;
}

bool SnapshotReader::IsAtHeader() const {
  return bytes_.size() - at_ >= kHeaderBytes && std::memcmp(bytes_.data() + at_, kMagic, sizeof(kMagic)) == 0;
}

bool SnapshotReader::EnterChunk() {
  for (at_ = end_; bytes_.size() - at_ >= kChunkHead;) {
    if (IsAtHeader()) {
      end_ = at_;
      return false;
    }
    uint32_t magic = 0;
    uint32_t length = 0;
    uint64_t checksum = 0;
    const uint8_t* const head = bytes_.data() + at_;
    std::memcpy(&magic, head, sizeof(magic));
    std::memcpy(&length, head + 4, sizeof(length));
    std::memcpy(&checksum, head + 8, sizeof(checksum));
    // Where the next one begins is not known then.
    if (magic != kChunkMagic || length > bytes_.size() - at_ - kChunkHead) break;
    at_ += kChunkHead;
    end_ = at_ + length;
    if (Checksum(length, bytes_.data() + at_, length) == checksum) return true;
    at_ = end_;
  }
  at_ = end_ = bytes_.size();
  return false;
}

SnapshotReader::Record SnapshotReader::Next() {
  while (at_ != end_ || EnterChunk()) {
    record_ = at_;
    auto type = Record::kEnd;
    if (at_ != end_ && Get(&type) && (type == Record::kNamespace || type == Record::kEntry)) return type;
    at_ = end_;  // Nothing that this version wrote: the rest of the chunk is left out.
  }
  return IsAtHeader() ? Record::kHeader : Record::kEnd;
}

bool SnapshotReader::ReadBytes(uint32_t bytes, const uint8_t** data) {
  if (bytes > end_ - at_) {
    at_ = end_;
    return false;
  }
  *data = bytes_.data() + at_;
  at_ += bytes;
  return true;
}

bool SnapshotReader::ReadNamespace(uint32_t* parts) { return Get(parts); }

bool SnapshotReader::ReadEntry(SnapshotEntry* entry) {
  uint8_t flags = 0;
  if (!Get(&flags) || !Get(&entry->names) || !Get(&entry->key_bytes) || !Get(&entry->value_bytes) ||
      !Get(&entry->fresh_left) || !Get(&entry->stale) || !Get(&entry->weight)) {
    return false;
  }
  entry->format = flags & 7;
  entry->wide = (flags & kWide) != 0;
  entry->pinned = (flags & kPinned) != 0;
  return true;
}

bool SnapshotReader::ReadName(SnapshotName* name) {
  uint32_t head = 0;
  if (!Get(&head)) return false;
  name->text.bytes = head >> 3;
  name->inherited = (head & 4) != 0;
  name->is_key = (head & 2) != 0;
  name->text.wide = (head & 1) != 0;
  return ReadBytes(name->text.bytes, &name->text.data);
}

void SnapshotReader::Drop() {
  bytes_.Reset();
  at_ = end_ = 0;
}

}  // namespace tiercel
