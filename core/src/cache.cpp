#include "cache.h"

#include <utility>

namespace tiercel {
Cache::Cache(Options* options, HandleTable* handles, double* registers)
    : kind_(options->policy),
      bytes_mode_(options->bytes_mode),
      max_key_bytes_(options->max_key_bytes),
      jitter_(options->jitter),
      stripes_(options->stripes),
      stripe_(options->stripe),
      ttl_rules_(std::move(options->ttl_rules)),
      max_entries_(options->max_entries),
      max_bytes_(options->max_bytes),
      handles_(*handles),
      r_(registers),
      entries_(options->bytes_mode),
      scopes_(&entries_, handles, this),
      loads_(handles) {}

Cache::~Cache() {
  for (uint32_t i = 0; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    entries_[i].ReleaseKey();
    if (bytes_mode_) Free(entries_[i].value());
  }
  DeletePolicy(policy_);
}

Cache* Cache::Open(Options options, HandleTable* handles, double* registers) {
  void* memory = Allocate(sizeof(Cache));
  if (memory == nullptr) return nullptr;
  Cache* cache = new (memory) Cache(&options, handles, registers);
  if (cache->Init(options)) return cache;
  tiercel::Delete(cache);
  return nullptr;
}

bool Cache::Init(const Options& options) {
  if (max_entries_ != 0) index_.Bound(static_cast<uint32_t>(max_entries_));
  policy_ = NewPolicy(options.policy, &entries_, max_entries_, max_bytes_);
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
  const HashSeed given = {LoadLittleEndian64(seed), LoadLittleEndian64(seed + 8)};
  hash_ = KeyHash(given);
  missed_.scope = kNone;
  random_ = given.k0 ^ (given.k1 << 1) ^ 0x9e3779b97f4a7c15;
  for (uint32_t i = 0; i < entries_.used(); i++) {
    if (!entries_.IsLive(i)) continue;
    Entry& entry = entries_[i];
    entry.hash = Hash(entry.scope(), entry.text());
    entries.Insert(entry.hash, i);
  }
  index_.Swap(entries);
  scopes_.Seed(given, &scopes);
  loads_.Seed(given, &loads);
  changes_.Restart();
  policy_->ForgetHashes();
  return TIERCEL_OK;
}

int32_t Cache::Watch(bool on) {
  watched_ = on;
  return RemovalsClear();
}

std::string Cache::Stats() const {
  uint64_t pending = uint64_t{scopes_.dead()} + rounds_.Left(entries_.used());
  if (pending > entries_.size()) pending = entries_.size();
  return StatsJson(counters_,
                   {entries_.size(), bytes_, max_entries_, max_bytes_, loads_.size(), pending, scopes_.size(),
                    barriers_.size(), pinned_, entries_.deadlines().size()},
                   kind_, policy_->State());
}

void Cache::ResetStats() {
  counters_ = Counters();
  counters_.adds = entries_.size();  // So that adds minus removals goes on to be the entries.
}

// ---- Inputs and outputs

int32_t Cache::ReadUnusual(Canonical* into, const uint8_t* data, uint32_t bytes, uint32_t encoding,
                           Text* out) {
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
  r_[TIERCEL_R_NEXT_DUE] = HasBacklog() ? now_ : entries_.deadlines().First();
  r_[TIERCEL_R_SEQUENCE] = static_cast<double>(sequence_);
  return result;
}

void Cache::DescribeKey(const Entry& entry) {
  const Text key = entry.text();
  r_[TIERCEL_R_KEY] = AddressOf(key.data);
  r_[TIERCEL_R_KEY_LENGTH] = key.bytes;
  r_[TIERCEL_R_KEY_ENCODING] = key.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1;
}

// Gives out the packed list that was put together.
void Cache::DescribeList() {
  r_[TIERCEL_R_KEY] = AddressOf(list_.data());
  r_[TIERCEL_R_KEY_LENGTH] = static_cast<double>(list_.size());
}

// ---- Entries

int32_t Cache::Get(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now,
                   uint32_t flags) {
  Tick(now);
  Key found;
  const int32_t status = FindKey(scope, key, bytes, encoding, &found);
  if (status != TIERCEL_OK) return status;
  const bool counts = (flags & TIERCEL_GET_PEEK) == 0;
  const uint32_t slot = found.slot;
  if (slot != kNone) {
    const double fresh_until = entries_.FreshUntil(slot);
    const bool is_fresh = now_ < fresh_until;
    if ((is_fresh || now_ < entries_.ServedUntil(slot)) && IsAlive(slot)) {
      if (is_fresh || (flags & TIERCEL_GET_STALE) != 0) {
        if (counts) {
          (is_fresh ? counters_.hits : counters_.stale_hits)++;
          if (entries_[slot].pinned == 0) policy_->OnHit(slot);
        }
        if ((flags & TIERCEL_GET_TAGS) != 0) {
          const int32_t tags = Tags(static_cast<int32_t>(slot));
          if (tags < 0) return Finish(tags);
        }
        Describe(slot, fresh_until);
        return static_cast<int32_t>(slot);
      }
    } else {
      Remove(slot, CauseOf(slot, TIERCEL_CAUSE_EXPIRED));
      found.slot = kNone;
    }
  }
  if (counts) counters_.misses++;
  missed_ = found;
  // With a copy of its own, since the caller's memory is the caller's.
  if (!key_.Keep(&missed_.text)) missed_.scope = kNone;
  return Finish(TIERCEL_MISS);
}

int32_t Cache::Set(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, const Incoming& in,
                   double now) {
  Tick(now);
  Key target = missed_;
  if (encoding != TIERCEL_MISSED) {
    const int32_t status = FindKey(scope, key, bytes, encoding, &target);
    if (status != TIERCEL_OK) return status;
  } else if (missed_.scope != scope) {
    return Finish(TIERCEL_MISS);
  } else if (target.slot != kNone) {
    // It was too stale for the get, and may have left since.
    target.slot = Find(scope, target.hash, target.text);
  }
  missed_.scope = kNone;
  r_[TIERCEL_R_CHANGED] = 0;
  const int32_t result = Store(target, ++sequence_, in);
  if (result >= 0 || result == TIERCEL_REJECTED) {
    Overtake(scope, target.hash, target.text);
    Changed(scope, target.hash, target.text);
  }
  ReclaimSome(result);
  return Finish(result);
}

double Cache::Delete(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double now) {
  Tick(now);
  Key found;
  const int32_t status = FindKey(scope, key, bytes, encoding, &found);
  if (status != TIERCEL_OK) return status;
  Overtake(scope, found.hash, found.text);
  const uint32_t slot = found.slot;
  const bool was_servable = slot != kNone && IsServable(slot);
  if (slot != kNone) Remove(slot, CauseOf(slot, TIERCEL_CAUSE_EXPLICIT));
  const uint64_t dependents = Changed(scope, found.hash, found.text);
  ReclaimSome();
  Finish(TIERCEL_OK);
  return static_cast<double>(dependents * 2 + (was_servable ? 1 : 0));
}

int32_t Cache::Tags(int32_t slot) {
  if (slot < 0 || !entries_.IsLive(static_cast<uint32_t>(slot))) return Bad("slot has no entry");
  list_.Clear();
  int32_t count = 0;
  for (uint32_t i = scopes_.FirstLink(static_cast<uint32_t>(slot)); i != kNone; i = scopes_.link(i).sibling) {
    const Scope& scope = scopes_[scopes_.link(i).scope];
    if (scope.kind != Scope::Kind::kTag || scopes_.link(i).inherited) continue;
    if (!PackedAppend(&list_, scope.name.view())) return TIERCEL_NO_MEMORY;
    count++;
  }
  DescribeList();
  return count;
}

int32_t Cache::NamesOf(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double since) {
  Key found;
  const int32_t status = FindKey(scope, key, bytes, encoding, &found);
  if (status != TIERCEL_OK) return status;
  changes_.Start();
  if (since >= 0 && IsOvertakenBy(scope, found.text, true, static_cast<uint64_t>(since))) {
    return TIERCEL_OVERTAKEN;
  }
  const uint32_t slot = found.slot;
  if (slot == kNone || !IsAlive(slot)) return TIERCEL_MISS;
  list_.Clear();
  int32_t count = 0;
  for (uint32_t i = scopes_.FirstLink(slot); i != kNone; i = scopes_.link(i).sibling) {
    const Scope& name = scopes_[scopes_.link(i).scope];
    if (name.kind == Scope::Kind::kNamespace) continue;
    const uint32_t marks = (name.kind == Scope::Kind::kKey ? kPackedKey : 0) |
                           (scopes_.link(i).inherited ? kPackedInherited : 0);
    if (!PackedAppend(&list_, name.name.view(), marks)) return TIERCEL_NO_MEMORY;
    count++;
  }
  DescribeList();
  return count;
}

int32_t Cache::Value(int32_t slot) {
  if (!bytes_mode_) return Bad("there are no values in reference mode");
  if (slot < 0 || !entries_.IsLive(static_cast<uint32_t>(slot))) return Bad("slot has no entry");
  DescribeValue(entries_[static_cast<uint32_t>(slot)]);
  return TIERCEL_OK;
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

int32_t Cache::NamespacePath(uint32_t scope) {
  uint32_t path[TIERCEL_MAX_DEPTH];
  const uint32_t depth = scopes_[scope].depth;
  for (uint32_t i = depth; i > 0; scope = scopes_[scope].parent) path[--i] = scope;
  list_.Clear();
  for (uint32_t i = 0; i < depth; i++) {
    if (!PackedAppend(&list_, scopes_[path[i]].name.view())) return TIERCEL_NO_MEMORY;
  }
  DescribeList();
  return static_cast<int32_t>(depth);
}

double Cache::Size(uint32_t scope) const {
  return scope == Scopes::kRoot ? entries_.size() : scopes_[scope].links;
}

// ---- Removals

int32_t Cache::Removal(uint32_t i) {
  if (i >= log_.size()) return Bad("i must be less than R_REMOVALS");
  const auto& removal = log_[i];
  r_[TIERCEL_R_CAUSE] = removal.cause;
  if (watched_) {
    const RemovedContents& contents = log_.contents(i);
    const Text key = contents.key.view();
    r_[TIERCEL_R_KEY] = AddressOf(key.data);
    r_[TIERCEL_R_KEY_LENGTH] = key.bytes;
    r_[TIERCEL_R_KEY_ENCODING] = key.wide ? TIERCEL_UTF16 : TIERCEL_LATIN1;
    r_[TIERCEL_R_NAMESPACE] = contents.ns;
    r_[TIERCEL_R_VALUE] = AddressOf(contents.value);
    r_[TIERCEL_R_VALUE_LENGTH] = contents.value_bytes;
    r_[TIERCEL_R_FORMAT] = contents.format;
  }
  return static_cast<int32_t>(removal.slot);
}

int32_t Cache::RemovalsClear() {
  log_.Clear();
  return Finish(TIERCEL_OK);
}

}  // namespace tiercel
