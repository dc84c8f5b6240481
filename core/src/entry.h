// An entry in one cache line, and the slab of entries.
//
// What every entry needs, and its key if that is short, share 64 bytes, so that a lookup reads one line of
// the index and one of these. What only some need (deadlines, tags) is in a column beside, of which a chunk
// gets its part when the first of its entries needs it.
#ifndef TIERCEL_SRC_ENTRY_H_
#define TIERCEL_SRC_ENTRY_H_

#include <cstdint>
#include <cstring>

#include "deadlines.h"
#include "key.h"

namespace tiercel {

// Accounted for each entry: its line, and its share of the index and of what the policy remembers. The same
// on every platform, so that the same calls evict the same entries on each.
constexpr uint64_t kEntryCost = 80;
// For each block of memory of its own, beside its bytes: what an allocator adds.
constexpr uint64_t kBlockCost = 16;
// For its parts of the columns: about 8.6 bytes for a deadline, 4 for a stale time and 4 for tags.
constexpr uint64_t kExtraCost = 12;
// For each scope that it is linked to.
constexpr uint64_t kLinkCost = 24;

// One cached key. Invariant: live <=> in the index under `hash`, and on the policy's lists unless pinned.
struct alignas(64) Entry {
  static constexpr uint32_t kInline = 32;
  static constexpr uint32_t kOutOfLine = 63;
  static constexpr uint64_t kMost48 = (uint64_t{1} << 48) - 1;

  uint32_t hash = 0;
  uint32_t prev = kNone;  // On a list of the policy's; `next` chains free slots too.
  uint32_t next = kNone;
  uint32_t payload = 0;  // Bytes of the value; in reference mode the low half of its weight.

  uint64_t high : 48 = 0;   // Address of the value, owned; in reference mode the high half of its weight.
  uint64_t policy : 9 = 0;  // The policy's own; 0 for a new entry.
  uint64_t born : 7 = 0;    // When the key came in, for iterations; see Cache::Next.
  // The cache's when the load of the value began, or when it was set. The entry may be served only if this is
  // newer than the stamp of every scope it belongs to.
  uint64_t sequence : 48 = 0;
  uint64_t key_bytes : 6 = 0;  // Of `key`, the namespace included, or kOutOfLine.
  uint64_t wide : 1 = 0;
  uint64_t nested : 1 = 0;  // Whether `key` begins with the number of a namespace; if not it is in the root.
  uint64_t format : 3 = 0;  // Of the value; the binding's own numbers.
  uint64_t live : 1 = 0;
  uint64_t pinned : 1 = 0;
  uint64_t extra : 1 = 0;  // Whether its parts of the columns are in use.
  uint64_t timed : 1 = 0;  // Whether it has a deadline; then `extra`.
  uint64_t unused : 1 = 0;

  // A key that has a block of its own.
  struct Outside {
    uint8_t* data;  // Owned; namespace included.
    uint32_t bytes;
  };
  union {
    uint8_t key[kInline] = {};
    Outside outside;
  };

  // The number of its namespace, and its key within that.
  uint32_t scope() const {
    uint32_t number = 0;
    if (nested != 0) std::memcpy(&number, stored(), sizeof(number));
    return number;
  }
  Text text() const {
    const uint32_t skip = nested != 0 ? sizeof(uint32_t) : 0;
    return {stored() + skip, stored_bytes() - skip, wide != 0};
  }

  bool HasKey(uint32_t in_scope, const Text& key_text) const {
    const uint32_t skip = in_scope != 0 ? sizeof(uint32_t) : 0;
    if (stored_bytes() != key_text.bytes + skip || (wide != 0) != key_text.wide || scope() != in_scope)
      return false;
    return EqualBytes(stored() + skip, key_text.data, key_text.bytes);
  }

  // Bytes of the block that a key needs, 0 if it fits the line.
  static uint32_t BlockFor(uint32_t in_scope, const Text& key_text) {
    const uint32_t bytes = key_text.bytes + (in_scope != 0 ? 4 : 0);
    return bytes > kInline ? bytes : 0;
  }
  // Takes such a block over.
  void SetKey(uint32_t in_scope, const Text& key_text, uint8_t* block) {
    const uint32_t skip = in_scope != 0 ? sizeof(uint32_t) : 0;
    const uint32_t bytes = key_text.bytes + skip;
    uint8_t* const to = block != nullptr ? block : key;
    if (block != nullptr) outside = {block, bytes};
    if (skip != 0) std::memcpy(to, &in_scope, skip);
    if (key_text.bytes != 0) std::memcpy(to + skip, key_text.data, key_text.bytes);
    key_bytes = (block != nullptr ? kOutOfLine : bytes) & kOutOfLine;
    wide = key_text.wide ? 1 : 0;
    nested = skip != 0 ? 1 : 0;
  }
  void ReleaseKey() const {
    if (key_bytes == kOutOfLine) Free(outside.data);
  }

  uint32_t stored_bytes() const {
    return key_bytes == kOutOfLine ? outside.bytes : static_cast<uint32_t>(key_bytes);
  }
  const uint8_t* stored() const { return key_bytes == kOutOfLine ? outside.data : key; }

  void SetSequence(uint64_t to) { sequence = to & kMost48; }

  // In bytes mode.
  uint8_t* value() const {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the address is kept in 48 bits.
    return reinterpret_cast<uint8_t*>(static_cast<uintptr_t>(high));
  }
};
static_assert(sizeof(Entry) == 64);

class Entries {
 public:
  // Whether entries have values; if not they have weights.
  explicit Entries(bool bytes_mode) : bytes_mode_(bytes_mode) {}
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;
  ~Entries() {
    for (void* block : blocks_) Free(block);
    for (uint32_t* links : links_) Free(links);
  }

  Entry& operator[](uint32_t i) { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  const Entry& operator[](uint32_t i) const { return chunks_[i >> kChunkBits][i & (kChunk - 1)]; }
  // The first of its links to scopes, chained by Link::sibling.
  uint32_t FirstLink(uint32_t i) const {
    if ((*this)[i].extra == 0 || links_[i >> kChunkBits] == nullptr) return kNone;
    return links_[i >> kChunkBits][i & (kChunk - 1)];
  }
  // ReserveLinks must have succeeded, and `extra` be set.
  void SetFirstLink(uint32_t i, uint32_t link) { links_[i >> kChunkBits][i & (kChunk - 1)] = link; }

  const Deadlines& deadlines() const { return deadlines_; }

  // Makes sure that the next Take succeeds. False without memory, or past 2^31 entries.
  [[nodiscard]] bool Reserve() {
    if (free_ != kNone || used_ < chunks_.size() << kChunkBits) return true;
    const size_t n = chunks_.size() + 1;
    if (n > kMaxChunks || !chunks_.Reserve(n) || !blocks_.Reserve(n) || !links_.Reserve(n)) return false;
    void* block = Allocate(sizeof(Entry) * kChunk + alignof(Entry));
    if (block == nullptr) return false;
    const size_t misaligned = reinterpret_cast<uintptr_t>(block) % alignof(Entry);
    uint8_t* aligned = static_cast<uint8_t*>(block) + (misaligned == 0 ? 0 : alignof(Entry) - misaligned);
    (void)blocks_.Push(block);  // These have room.
    (void)chunks_.Push(reinterpret_cast<Entry*>(aligned));
    (void)links_.Push(nullptr);
    return true;
  }

  // The slot that the next Take gives. Reserve must have succeeded.
  uint32_t NextFree() const { return free_ != kNone ? free_ : used_; }

  void SetValue(uint32_t i, const uint8_t* value, uint32_t bytes) {
    (*this)[i].high =
        reinterpret_cast<uintptr_t>(value) & Entry::kMost48;  // Addresses of programs have 48 bits at most.
    (*this)[i].payload = bytes;
  }
  void SetWeight(uint32_t i, uint64_t weight) {
    (*this)[i].high = static_cast<uint32_t>(weight >> 32);
    (*this)[i].payload = static_cast<uint32_t>(weight);
  }

  // Makes sure that a slot can be linked to scopes. False without memory.
  [[nodiscard]] bool ReserveLinks(uint32_t slot) {
    uint32_t*& links = links_[slot >> kChunkBits];
    if (links != nullptr) return true;
    links = static_cast<uint32_t*>(Allocate(sizeof(uint32_t) * kChunk));
    if (links == nullptr) return false;
    for (uint32_t i = 0; i < kChunk; i++) links[i] = kNone;
    return true;
  }
  // The same for a deadline, or a stale time even without.
  [[nodiscard]] bool ReserveDeadline(uint32_t slot, bool stale) { return deadlines_.Reserve(slot, stale); }

  // A new entry, as Entry() makes it but live. Reserve must have succeeded.
  uint32_t Take() {
    const uint32_t i = NextFree();
    if (free_ != kNone) {
      free_ = (*this)[i].next;
    } else {
      used_++;
    }
    (new (&(*this)[i]) Entry())->live = 1;
    size_++;
    return i;
  }

  void Give(uint32_t i) {
    Entry& entry = (*this)[i];
    entry.live = 0;
    entry.next = free_;
    free_ = i;
    size_--;
  }

  bool IsLive(uint32_t i) const { return i < used_ && (*this)[i].live != 0; }

  // Bytes of its value, or its weight.
  uint64_t Payload(uint32_t i) const {
    const Entry& entry = (*this)[i];
    return bytes_mode_ ? entry.payload : entry.payload | (uint64_t{entry.high} << 32);
  }

  // What an entry with a key of this many bytes counts, but for its parts of the columns and its links.
  uint64_t CostOf(uint64_t key_bytes, uint64_t payload) const {
    return kEntryCost + (key_bytes > Entry::kInline ? key_bytes + kBlockCost : 0) + payload +
           (bytes_mode_ ? kBlockCost : 0);
  }
  // The same of an entry that is there.
  uint64_t Cost(uint32_t i) const {
    const Entry& entry = (*this)[i];
    return CostOf(entry.key_bytes == Entry::kOutOfLine ? entry.outside.bytes : 0, Payload(i));
  }

  // Until when it is fresh. A key that leaves room for it has a copy in the line.
  double FreshUntil(uint32_t i) const {
    const Entry& entry = (*this)[i];
    if (entry.timed == 0) return kForever;
    if (!HasRoom(entry)) return deadlines_.FreshUntil(i);
    double until = 0;
    std::memcpy(&until, entry.key + kNear, sizeof(until));
    return until;
  }

  // Until when it may be served.
  double ServedUntil(uint32_t i) const {
    return (*this)[i].timed == 0 ? kForever : deadlines_.ServedUntil(i);
  }
  // Milliseconds between the two, kept where it is fresh for ever as well.
  float Stale(uint32_t i) const { return (*this)[i].extra == 0 ? 0 : deadlines_.Stale(i); }

  // Gives it a deadline, or none. What it needs must be reserved, and `extra` set.
  void SetDeadline(uint32_t i, double fresh_until, float stale) {
    Entry& entry = (*this)[i];
    entry.timed = fresh_until < kForever ? 1 : 0;
    if (entry.extra == 0) return;
    deadlines_.Set(i, fresh_until, stale);
    if (entry.timed != 0 && HasRoom(entry)) {
      std::memcpy(entry.key + kNear, &fresh_until, sizeof(fresh_until));
    }
  }

  uint32_t size() const { return size_; }
  // Slots below this were given out at some time.
  uint32_t used() const { return used_; }

 private:
  static constexpr uint32_t kChunkBits = 10;
  static constexpr uint32_t kChunk = 1U << kChunkBits;
  static constexpr uint32_t kMaxChunks = 1U << (31 - kChunkBits);
  static constexpr uint32_t kNear = Entry::kInline - sizeof(double);
  static_assert(sizeof(Entry::Outside) <= kNear);

  static bool HasRoom(const Entry& entry) {
    return entry.key_bytes <= kNear || entry.key_bytes == Entry::kOutOfLine;
  }

  const bool bytes_mode_;
  Vector<Entry*> chunks_;  // Aligned to lines, within `blocks_`.
  Vector<void*> blocks_;
  Vector<uint32_t*> links_;  // nullptr while no entry of the chunk has any.
  Deadlines deadlines_;
  uint32_t size_ = 0;
  uint32_t used_ = 0;
  uint32_t free_ = kNone;
};

}  // namespace tiercel

#endif  // TIERCEL_SRC_ENTRY_H_
