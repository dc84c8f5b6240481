// Snapshots: what is in the cache, as bytes, and back.
//
// What is restored counts as valid at the time of the snapshot. Into another cache it goes as it is; what
// became of it meanwhile only a second tier could tell. In the cache that it was taken of, it must not bring
// back what was invalidated since: the stamps of scopes tell, the changes of keys, and, for what left no
// stamp, the newest of those. So the cache may leave out more than was invalidated, never less.
#include "cache.h"

namespace tiercel {

// The same for the same seed; it does not give the seed away.
uint64_t Cache::Identity() const {
  constexpr uint8_t kWhat[] = {'i', 'd'};
  // Stripes of one cache have one seed, and sequences of their own.
  const uint64_t which = stripes_ == 1 ? 0 : stripe_ | (static_cast<uint64_t>(stripes_) << 32);
  return SipHash13(hash_.seed(), which, kWhat, sizeof(kWhat));
}

int32_t Cache::SnapshotBegin(double wall, double now) {
  Tick(now);
  changes_.Start();
  written_scope_ = kNone;
  const SnapshotHeader header = {bytes_mode_, Identity(), sequence_, now_, wall > 0 ? wall : 0};
  return writer_.Begin(header) ? TIERCEL_OK : TIERCEL_NO_MEMORY;
}

int32_t Cache::SnapshotNext(int32_t slot, double now) {
  Tick(now);
  for (uint32_t i = static_cast<uint32_t>(slot) + 1; i < entries_.used(); i++) {
    if (!entries_.IsLive(i) || !IsServable(i)) continue;
    const Entry& entry = entries_[i];
    DescribeKey(entry);
    if (bytes_mode_ && !WriteEntry(i, entry.value(), entry.payload, static_cast<uint32_t>(entry.format))) {
      return TIERCEL_NO_MEMORY;
    }
    return static_cast<int32_t>(i);
  }
  return TIERCEL_MISS;
}

int32_t Cache::SnapshotAdd(int32_t slot, const uint8_t* value, uint32_t bytes, uint32_t format, double now) {
  Tick(now);
  if (bytes_mode_) return Bad("in bytes mode tiercel_snapshot_next has added the entry");
  if (slot < 0 || !entries_.IsLive(static_cast<uint32_t>(slot))) return Bad("slot has no entry");
  if (value == nullptr && bytes != 0) return Bad("value is NULL, and value_length not 0");
  if (format > 7) return Bad("format must be less than 8");
  return WriteEntry(static_cast<uint32_t>(slot), value, bytes, format) ? TIERCEL_OK : TIERCEL_NO_MEMORY;
}

bool Cache::WriteEntry(uint32_t slot, const uint8_t* value, uint32_t bytes, uint32_t format) {
  const Entry& entry = entries_[slot];
  if (entry.scope() != written_scope_) {
    Text parts[TIERCEL_MAX_DEPTH];
    const uint32_t depth = scopes_[entry.scope()].depth;
    uint32_t scope = entry.scope();
    for (uint32_t i = depth; i > 0; scope = scopes_[scope].parent) parts[--i] = scopes_[scope].name.view();
    if (!writer_.BeginNamespace(parts, depth)) return false;
    written_scope_ = entry.scope();
  }
  SnapshotEntry record;
  record.fresh_left = entries_.FreshUntil(slot) - now_;
  record.stale = static_cast<double>(entries_.Stale(slot));
  record.weight = bytes_mode_ ? 0 : entries_.Payload(slot);
  record.key_bytes = entry.text().bytes;
  record.value_bytes = bytes;
  record.format = static_cast<uint8_t>(format);
  record.wide = entry.wide != 0;
  record.pinned = entry.pinned != 0;
  const auto each_name = [&](auto each) {
    for (uint32_t i = scopes_.FirstLink(slot); i != kNone; i = scopes_.link(i).sibling) {
      const Scope& scope = scopes_[scopes_.link(i).scope];
      if (scope.kind == Scope::Kind::kNamespace) continue;
      if (!each(
              SnapshotName{scope.name.view(), scope.kind == Scope::Kind::kKey, scopes_.link(i).inherited})) {
        return false;
      }
    }
    return true;
  };
  (void)each_name([&record](const SnapshotName&) { return ++record.names != 0; });
  if (!writer_.BeginEntry(record) ||
      !each_name([this](const SnapshotName& name) { return writer_.AddName(name); }) ||
      !writer_.AddBytes(entry.text().data, record.key_bytes) || !writer_.AddBytes(value, bytes)) {
    return false;
  }
  // A chunk tells of itself which namespace its entries are in.
  if (writer_.EndEntry()) written_scope_ = kNone;
  return true;
}

int32_t Cache::SnapshotEnd() {
  writer_.End();
  r_[TIERCEL_R_VALUE] = static_cast<double>(reinterpret_cast<uintptr_t>(writer_.data()));
  r_[TIERCEL_R_VALUE_LENGTH] = static_cast<double>(writer_.size());
  return TIERCEL_OK;
}

int32_t Cache::SnapshotDrop() {
  writer_.Drop();
  reader_.Drop();
  if (read_scope_ != kNone) scopes_.Release(read_scope_, loads_.OldestSequence());
  read_scope_ = kNone;
  return TIERCEL_OK;
}

int32_t Cache::RestoreBegin(const uint8_t* data, uint32_t bytes, double wall, double now) {
  Tick(now);
  if (data == nullptr && bytes != 0) return Bad("data is NULL, and length not 0");
  SnapshotDrop();
  if (!reader_.Begin(data, bytes)) return TIERCEL_NO_MEMORY;
  restored_at_ = wall;
  if (!ReadHeader()) {
    SnapshotDrop();
    return Bad("these bytes are no snapshot, or one of another version, or damaged at the beginning");
  }
  if (header_.bytes_mode != bytes_mode_) {
    SnapshotDrop();
    return Bad("a snapshot can only be restored into a cache with the same option values");
  }
  return TIERCEL_OK;
}

// Goes on to the entries of the snapshot whose header comes next.
bool Cache::ReadHeader() {
  if (!reader_.ReadHeader(&header_)) return false;
  // From here on `now` is when it was taken by the clock of this cache. A cache of the same seed and fewer
  // events is another one.
  const bool is_same = header_.identity == Identity() && header_.sequence <= sequence_ && header_.now <= now_;
  double elapsed = 0;
  if (is_same) {
    elapsed = now_ - header_.now;
  } else {
    header_.sequence = UINT64_MAX;
    if (restored_at_ > header_.wall && header_.wall > 0) elapsed = restored_at_ - header_.wall;
  }
  header_.now = now_ - elapsed;
  return true;
}

int32_t Cache::RestoreNext(double now) {
  Tick(now);
  int32_t slot = TIERCEL_MISS;
  for (auto type = reader_.Next(); type != SnapshotReader::Record::kEnd; type = reader_.Next()) {
    if (type == SnapshotReader::Record::kHeader) {
      if (ReadHeader() && header_.bytes_mode == bytes_mode_) continue;
      reader_.Drop();  // What follows is of a cache that nothing is known of.
      break;
    }
    slot = type == SnapshotReader::Record::kNamespace ? ReadNamespace() : ReadEntry();
    if (slot != TIERCEL_MISS) break;
  }
  // So that it is not done at all: another call comes to it again.
  if (slot == TIERCEL_NO_MEMORY) reader_.Repeat();
  ReclaimSome(slot);
  return Finish(slot);
}

// Goes to a namespace, which is then held. Its entries are left out if that fails. Returns TIERCEL_MISS, as
// nothing is stored, or TIERCEL_NO_MEMORY.
int32_t Cache::ReadNamespace() {
  if (read_scope_ != kNone) scopes_.Release(read_scope_, loads_.OldestSequence());
  read_scope_ = kNone;
  read_stripe_ = 0;
  uint32_t depth = 0;
  if (!reader_.ReadNamespace(&depth) || depth > TIERCEL_MAX_DEPTH) return TIERCEL_MISS;
  uint32_t scope = Scopes::kRoot;
  scopes_.Hold(scope);
  int32_t status = TIERCEL_OK;
  // All parts are read, whatever becomes of them: the next record begins after the last.
  for (uint32_t i = 0; i < depth; i++) {
    SnapshotName part;
    Text text;
    if (!reader_.ReadName(&part)) status = TIERCEL_MISS;
    if (status != TIERCEL_OK) continue;
    status =
        Read(&name_, part.text.data, part.text.bytes, part.text.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1, &text);
    if (status != TIERCEL_OK) continue;
    const uint32_t next = scopes_.FindOrAdd(scope, Scope::Kind::kNamespace, text, loads_.OldestSequence());
    if (next == kNone) {
      status = static_cast<int32_t>(NoHandle());
      continue;
    }
    read_stripe_ = StripeHash(hash_.seed(), read_stripe_, text);
    scopes_.Hold(next);
    scopes_.Release(scope, loads_.OldestSequence());
    scope = next;
  }
  if (status == TIERCEL_OK) {
    read_scope_ = scope;
  } else {
    scopes_.Release(scope, loads_.OldestSequence());
  }
  return status == TIERCEL_NO_MEMORY ? status : int32_t{TIERCEL_MISS};
}

// Whether a key of the namespace that is being read belongs to another stripe.
bool Cache::IsElsewhere(const Text& key) const {
  return stripes_ != 1 && uint64_t{StripeHash(hash_.seed(), read_stripe_, key)} * stripes_ >> 32 != stripe_;
}

// Whether a key was invalidated after the snapshot, by what its entry's names do not tell.
bool Cache::IsGone(const Text& key, uint32_t hash) const {
  const uint64_t then = header_.sequence;
  if (then == UINT64_MAX) return false;
  return scopes_.forgotten() > then || scopes_.NamespaceStamp(read_scope_) > then ||
         changes_.Newest(hash) > then || barriers_.NewestFor(read_scope_, key, then + 1) != 0;
}

// Stores one entry. Returns its slot, TIERCEL_MISS if it is left out, or TIERCEL_NO_MEMORY.
int32_t Cache::ReadEntry() {
  SnapshotEntry record;
  if (!reader_.ReadEntry(&record)) return TIERCEL_MISS;
  Names names;
  bool is_gone = read_scope_ == kNone;
  int32_t status = TIERCEL_OK;
  for (uint32_t i = 0; i < record.names; i++) {
    SnapshotName name;
    Text text;
    if (!reader_.ReadName(&name)) {
      scopes_.Release(names, loads_.OldestSequence());
      return TIERCEL_MISS;
    }
    if (is_gone || status != TIERCEL_OK) continue;
    status =
        Read(&name_, name.text.data, name.text.bytes, name.text.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1, &text);
    if (status != TIERCEL_OK) continue;
    const auto kind = name.is_key ? Scope::Kind::kKey : Scope::Kind::kTag;
    const uint32_t scope = scopes_.FindOrAdd(read_scope_, kind, text, loads_.OldestSequence());
    status = scope == kNone ? int32_t{TIERCEL_NO_MEMORY} : AddName(scope, name.inherited, &names);
    if (status != TIERCEL_OK) continue;
    is_gone =
        scopes_[scope].stamp > header_.sequence || (name.is_key && IsGone(text, Hash(read_scope_, text)));
  }
  const uint8_t* key = nullptr;
  const uint8_t* value = nullptr;
  const bool is_whole =
      reader_.ReadBytes(record.key_bytes, &key) && reader_.ReadBytes(record.value_bytes, &value);
  Text text;
  int32_t slot = TIERCEL_MISS;
  if (is_whole && !is_gone && status == TIERCEL_OK) {
    status = ReadKey(key, record.key_bytes, record.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1, &text);
    // What it depends on may be here already, with other names than at the time of the snapshot.
    for (uint32_t i = 0, own = names.count; i < own && status == TIERCEL_OK; i++) {
      const Scope& scope = scopes_[names.scopes[i]];
      if (scope.kind == Scope::Kind::kKey && !names.inherited[i]) {
        status = Inherit(read_scope_, text, scope.name.view(), &names);
      }
    }
  }
  const double fresh_until = header_.now + record.fresh_left;
  // Numbers that no cache writes; the comparisons fail for NaN.
  const bool makes_sense = record.stale >= 0 && record.fresh_left <= kForever &&
                           now_ < fresh_until + record.stale && record.weight <= (uint64_t{1} << 53);
  if (is_whole && !is_gone && status == TIERCEL_OK && makes_sense) {
    const uint32_t hash = Hash(read_scope_, text);
    const Key found = {read_scope_, hash, Find(read_scope_, hash, text), text};
    if (!IsElsewhere(text) && found.slot == kNone && !IsGone(text, hash)) {
      Incoming in;
      in.value = value;
      in.value_bytes = record.value_bytes;
      in.format = record.format;
      in.weight = static_cast<double>(record.weight);
      in.ttl = fresh_until < kForever ? 1 : 0;  // It gets its deadline below.
      in.stale = record.stale;
      in.flags = record.pinned ? TIERCEL_SET_PINNED : 0;
      slot = Place(found, ++sequence_, in, names);
      if (slot >= 0) {
        SetDeadline(static_cast<uint32_t>(slot), fresh_until, record.stale);
        DescribeKey(entries_[static_cast<uint32_t>(slot)]);
        r_[TIERCEL_R_NAMESPACE] = scopes_[read_scope_].handle;
        r_[TIERCEL_R_VALUE] = static_cast<double>(reinterpret_cast<uintptr_t>(value));
        r_[TIERCEL_R_VALUE_LENGTH] = record.value_bytes;
        r_[TIERCEL_R_FORMAT] = record.format;
      }
    }
  }
  scopes_.Release(names, loads_.OldestSequence());
  if (status == TIERCEL_NO_MEMORY) return status;
  return slot >= 0 || slot == TIERCEL_NO_MEMORY ? slot : int32_t{TIERCEL_MISS};
}

}  // namespace tiercel
