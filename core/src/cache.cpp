#include "cache.h"

#include <limits>

namespace tiercel {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

constexpr double kMostMilliseconds = 9007199254740991.0;  // 2^53 - 1

double AddressOf(const void* p) { return static_cast<double>(reinterpret_cast<uintptr_t>(p)); }

}  // namespace

Cache::Cache(const Options& options, HandleTable* handles, double* registers)
    : bytes_mode_(options.bytes_mode),
      max_key_bytes_(options.max_key_bytes),
      jitter_(options.jitter),
      max_entries_(options.max_entries),
      max_bytes_(options.max_bytes),
      handles_(*handles),
      r_(registers),
      scopes_(&entries_, handles, this),
      loads_(handles) {}

Cache::~Cache() {
  for (uint32_t i = 0; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    entries_[i].key.Release();
    Free(entries_[i].value);
  }
  DeletePolicy(policy_);
}

Cache* Cache::Open(const Options& options, HandleTable* handles, double* registers) {
  void* memory = Allocate(sizeof(Cache));
  if (memory == nullptr) return nullptr;
  Cache* cache = new (memory) Cache(options, handles, registers);
  if (cache->Init()) return cache;
  tiercel::Delete(cache);
  return nullptr;
}

bool Cache::Init() {
  policy_ = NewLruPolicy(&entries_);
  return policy_ != nullptr && scopes_.Init();
}

int32_t Cache::Seed(const uint8_t* seed) {
  if (seed == nullptr) return Bad("seed is NULL");
  Index entries;
  Index scopes;
  Index loads;
  if (!entries.BuildLike(index_) || !scopes_.SpareIndex(&scopes) || !loads_.SpareIndex(&loads)) {
    return TIERCEL_NO_MEMORY;
  }
  seed_ = {LoadLittleEndian64(seed), LoadLittleEndian64(seed + 8)};
  random_ = seed_.k0 ^ (seed_.k1 << 1) ^ 0x9e3779b97f4a7c15;
  for (uint32_t i = 0; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    Entry& entry = entries_[i];
    entry.hash = Hash(entry.scope, entry.key.view());
    entries.Insert(entry.hash, i);
  }
  index_.Swap(entries);
  scopes_.Seed(seed_, &scopes);
  loads_.Seed(seed_, &loads);
  return TIERCEL_OK;
}

int32_t Cache::Watch(bool on) {
  watched_ = on;
  return RemovalsClear();
}

std::string Cache::Stats() const {
  uint64_t pending = uint64_t{scopes_.dead()} + (sweep_end_ - sweep_at_);
  if (pending > entries_.size()) pending = entries_.size();
  return StatsJson(
      counters_, {entries_.size(), bytes_, max_entries_, max_bytes_, loads_.size(), pending, scopes_.size()});
}

void Cache::ResetStats() {
  counters_ = Counters();
  counters_.adds = entries_.size();  // So that adds minus removals goes on to be the entries.
}

// ---- Inputs and outputs

double Cache::Tick(double now) {
  if (now > now_ && now < kForever) now_ = now;
  return now_;
}

int32_t Cache::Read(Canonical* into, const uint8_t* data, uint32_t bytes, uint32_t encoding, Text* out) {
  if (encoding > TIERCEL_UTF16) return Bad("encoding must be TIERCEL_LATIN1 or TIERCEL_UTF16");
  if (encoding == TIERCEL_UTF16 && (bytes & 1) != 0) return Bad("length must be even for UTF-16");
  if (data == nullptr && bytes != 0) return Bad("a string is NULL, and its length is not 0");
  // Narrowing halves at most, so nothing longer can turn out to fit.
  if (bytes > max_key_bytes_ * (encoding == TIERCEL_UTF16 ? 2ULL : 1ULL)) return TIERCEL_KEY_TOO_LONG;
  if (!into->Make(data, bytes, encoding == TIERCEL_UTF16, out)) return TIERCEL_NO_MEMORY;
  return out->bytes > max_key_bytes_ ? TIERCEL_KEY_TOO_LONG : TIERCEL_OK;
}

int32_t Cache::Finish(int32_t result) {
  r_[TIERCEL_R_REMOVALS] = log_.size();
  r_[TIERCEL_R_ENTRIES] = entries_.size();
  r_[TIERCEL_R_BYTES] = static_cast<double>(bytes_);
  return result;
}

void Cache::Describe(const Entry& entry) {
  const double ttl = entry.fresh_until - now_;
  r_[TIERCEL_R_TTL] = ttl;
  r_[TIERCEL_R_IS_STALE] = ttl > 0 ? 0 : 1;
  if (bytes_mode_) DescribeValue(entry);
}

void Cache::DescribeValue(const Entry& entry) {
  r_[TIERCEL_R_VALUE] = AddressOf(entry.value);
  r_[TIERCEL_R_VALUE_LENGTH] = entry.value_bytes;
  r_[TIERCEL_R_FORMAT] = entry.format;
}

void Cache::Expire(Entry* entry, double ttl, double stale) {
  entry->stale = stale;
  if (ttl == 0) {
    entry->fresh_until = kForever;
    return;
  }
  if (jitter_ != 0) {
    // xorshift64*, Vigna 2016: a spread of deadlines needs no better.
    random_ ^= random_ >> 12;
    random_ ^= random_ << 25;
    random_ ^= random_ >> 27;
    const uint64_t bits = (random_ * 0x2545f4914f6cdd1d) >> 11;
    const double unit = static_cast<double>(bits) * (1.0 / 9007199254740992.0);  // [0, 1)
    ttl *= 1 + jitter_ * (2 * unit - 1);
  }
  entry->fresh_until = now_ + ttl;
}

// ---- Entries

uint32_t Cache::Find(uint32_t scope, uint32_t hash, const Text& key) const {
  return index_.Find(hash, [&](uint32_t slot) {
    const Entry& entry = entries_[slot];
    return entry.hash == hash && entry.scope == scope && entry.key.Equals(key);
  });
}

int32_t Cache::Get(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now,
                   uint32_t flags) {
  Tick(now);
  Text text;
  const int32_t status = Read(&key_, key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const bool counts = (flags & TIERCEL_GET_PEEK) == 0;
  const uint32_t slot = Find(scope, Hash(scope, text), text);
  if (slot != kNone) {
    const Entry& entry = entries_[slot];
    const bool is_fresh = now_ < entry.fresh_until;
    if (IsServable(entry) && (is_fresh || (flags & TIERCEL_GET_STALE) != 0)) {
      if (counts) {
        (is_fresh ? counters_.hits : counters_.stale_hits)++;
        policy_->OnHit(slot);
      }
      Describe(entry);
      return static_cast<int32_t>(slot);
    }
    if (!IsServable(entry)) Remove(slot, CauseOf(entry, TIERCEL_CAUSE_EXPIRED));
  }
  if (counts) counters_.misses++;
  return Finish(TIERCEL_MISS);
}

void Cache::Overtake(uint32_t scope, uint32_t hash, const Text& key) {
  if (loads_.size() == 0) return;
  const uint32_t load = loads_.Find(scope, hash, key);
  if (load != kNone) loads_.Overtake(load);
}

int32_t Cache::Set(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, const Incoming& in,
                   double now) {
  Tick(now);
  Text text;
  const int32_t status = Read(&key_, key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const uint32_t hash = Hash(scope, text);
  const int32_t result = Store(scope, hash, text, ++sequence_, in);
  if (result >= 0 || result == TIERCEL_REJECTED) Overtake(scope, hash, text);
  Reclaim(kSlice);
  return Finish(result);
}

int32_t Cache::Delete(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now) {
  Tick(now);
  Text text;
  const int32_t status = Read(&key_, key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const uint32_t hash = Hash(scope, text);
  Overtake(scope, hash, text);
  const uint32_t slot = Find(scope, hash, text);
  const bool was_servable = slot != kNone && IsServable(entries_[slot]);
  if (slot != kNone) Remove(slot, CauseOf(entries_[slot], TIERCEL_CAUSE_EXPLICIT));
  Reclaim(kSlice);
  return Finish(was_servable ? 1 : 0);
}

int32_t Cache::Touch(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double ttl,
                     double now) {
  Tick(now);
  Text text;
  int32_t status = Read(&key_, key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  if (!(ttl >= 0 && ttl <= kMostMilliseconds)) return Bad("ttl must be from 0 to 2^53 - 1");
  const uint32_t slot = Find(scope, Hash(scope, text), text);
  status = TIERCEL_MISS;
  if (slot != kNone && IsServable(entries_[slot])) {
    Entry& entry = entries_[slot];
    Expire(&entry, ttl, entry.stale);
    status = static_cast<int32_t>(slot);
  }
  return Finish(status);
}

int32_t Cache::Tags(int32_t slot) {
  if (slot < 0 || !entries_.IsLive(static_cast<uint32_t>(slot))) return Bad("slot has no entry");
  list_.Clear();
  int32_t count = 0;
  const Entry& entry = entries_[static_cast<uint32_t>(slot)];
  for (uint32_t i = entry.links; i != kNone; i = scopes_.link(i).sibling) {
    const Scope& scope = scopes_[scopes_.link(i).scope];
    if (scope.kind != Scope::Kind::kTag) continue;
    if (!PackedAppend(&list_, scope.name.view())) return TIERCEL_NO_MEMORY;
    count++;
  }
  r_[TIERCEL_R_KEY] = AddressOf(list_.data());
  r_[TIERCEL_R_KEY_LENGTH] = static_cast<double>(list_.size());
  return count;
}

int32_t Cache::Value(int32_t slot) {
  if (!bytes_mode_) return Bad("there are no values in reference mode");
  if (slot < 0 || !entries_.IsLive(static_cast<uint32_t>(slot))) return Bad("slot has no entry");
  DescribeValue(entries_[static_cast<uint32_t>(slot)]);
  return TIERCEL_OK;
}

int32_t Cache::Next(uint32_t scope, int32_t slot, double iteration, double now) {
  Tick(now);
  for (uint32_t i = static_cast<uint32_t>(slot) + 1; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    const Entry& entry = entries_[i];
    if (entry.scope != scope || !(static_cast<double>(entry.birth) <= iteration) || !IsServable(entry))
      continue;
    const Text key = entry.key.view();
    r_[TIERCEL_R_KEY] = AddressOf(key.data);
    r_[TIERCEL_R_KEY_LENGTH] = key.bytes;
    r_[TIERCEL_R_KEY_ENCODING] = key.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1;
    Describe(entry);
    return static_cast<int32_t>(i);
  }
  return TIERCEL_MISS;
}

// ---- Namespaces

double Cache::Namespace(uint32_t scope, const uint8_t* part, uint32_t bytes, uint32_t encoding) {
  Text text;
  const int32_t status = Read(&name_, part, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  if (scopes_[scope].depth >= TIERCEL_MAX_DEPTH) return TIERCEL_LIMIT;
  const uint32_t found = scopes_.FindOrAdd(scope, Scope::Kind::kNamespace, text, loads_.OldestSequence());
  return found == kNone ? NoHandle() : scopes_[found].handle;
}

double Cache::Size(uint32_t scope) const {
  return scope == Scopes::kRoot ? entries_.size() : scopes_[scope].links;
}

// ---- Loads

double Cache::LoadBegin(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding) {
  Text text;
  const int32_t status = Read(&key_, key, bytes, encoding, &text);
  if (status != TIERCEL_OK) return status;
  const uint32_t hash = Hash(scope, text);
  uint32_t load = loads_.Find(scope, hash, text);
  if (load != kNone && IsOvertaken(loads_[load])) {
    loads_.Overtake(load);
    load = kNone;
  }
  const bool joined = load != kNone;
  if (!joined) {
    load = loads_.Begin(this, scope, hash, text, ++sequence_);
    if (load == kNone) return NoHandle();
    scopes_.Hold(scope);
    counters_.loads++;
  }
  r_[TIERCEL_R_JOINED] = joined ? 1 : 0;
  r_[TIERCEL_R_UNTOUCHED] = scopes_.newest_stamp() < loads_[load].sequence ? 1 : 0;
  return loads_[load].handle;
}

// Whether what is known of a load in flight says that its value will be out of date.
bool Cache::IsOvertaken(const Load& load) const {
  const uint64_t began = load.sequence;
  if (load.overtaken || scopes_.floor() > began || scopes_.NamespaceStamp(load.scope) > began) return true;
  for (uint32_t i = 0; i < load.tags.count; i++) {
    if (scopes_[load.tags.tags[i]].stamp > began) return true;
  }
  return false;
}

int32_t Cache::LoadTags(uint32_t load, const uint8_t* tags, uint32_t bytes) {
  TagSet* const noted = loads_.tags(load);
  const uint32_t before = noted->count;
  int32_t status = EachName(tags, bytes, [](const Text&) { return int32_t{TIERCEL_OK}; });
  if (status != TIERCEL_OK) return status;
  status = EachName(tags, bytes, [&](const Text& name) { return AddTag(loads_[load].scope, name, noted); });
  // All of them or none.
  while (status != TIERCEL_OK && noted->count > before) {
    scopes_.Release(noted->tags[--noted->count], loads_.OldestSequence());
  }
  return status;
}

int32_t Cache::LoadEnd(uint32_t load) {
  const uint32_t scope = loads_[load].scope;
  scopes_.Release(*loads_.tags(load), loads_.OldestSequence());
  loads_.End(load);
  scopes_.Release(scope, loads_.OldestSequence());
  scopes_.LoadEnded(loads_.OldestSequence());
  return TIERCEL_OK;
}

int32_t Cache::LoadCommit(uint32_t load, const Incoming& in, double now, bool store) {
  Tick(now);
  const Load& l = loads_[load];
  const uint64_t began = l.sequence;
  bool overtaken = IsOvertaken(l);
  int32_t result = EachName(in.tags, in.tags_bytes, [&](const Text& name) {
    const uint32_t tag = scopes_.Find(l.scope, Scope::Kind::kTag, name);
    overtaken = overtaken || (tag != kNone && scopes_[tag].stamp > began);
    return int32_t{TIERCEL_OK};
  });
  if (result != TIERCEL_OK) return Finish(result);
  if (overtaken) {
    counters_.overtaken++;
    result = TIERCEL_OVERTAKEN;
  } else if (store) {
    result = Store(l.scope, l.hash, l.key.view(), began, in);
    if (result < TIERCEL_OVERTAKEN) return Finish(result);
  }
  LoadEnd(load);
  Reclaim(kSlice);
  return Finish(result);
}

// ---- Removals

int32_t Cache::Removal(uint32_t i) {
  if (i >= log_.size()) return Bad("i must be less than R_REMOVALS");
  const auto& removal = log_[i];
  r_[TIERCEL_R_CAUSE] = removal.cause;
  if (watched_) {
    const Text key = removal.key.view();
    r_[TIERCEL_R_KEY] = AddressOf(key.data);
    r_[TIERCEL_R_KEY_LENGTH] = key.bytes;
    r_[TIERCEL_R_KEY_ENCODING] = key.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1;
    r_[TIERCEL_R_NAMESPACE] = removal.ns;
    r_[TIERCEL_R_VALUE] = AddressOf(removal.value);
    r_[TIERCEL_R_VALUE_LENGTH] = removal.value_bytes;
    r_[TIERCEL_R_FORMAT] = removal.format;
  }
  return static_cast<int32_t>(removal.slot);
}

int32_t Cache::RemovalsClear() {
  log_.Clear();
  return Finish(TIERCEL_OK);
}

}  // namespace tiercel
