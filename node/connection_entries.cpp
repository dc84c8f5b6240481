// Calls that concern entries, and invalidation.
#include <utility>

#include "connection_calls.h"

namespace tiercel::node {

// ---- Dependencies

std::vector<Connection::Dependency> Connection::DependenciesIn(const Namespace& ns, std::string_view names) {
  std::vector<Dependency> dependencies;
  ForEachName(names, [&](const Name& name, uint32_t head) {
    if ((head & kIsKey) == 0) return;
    const uint32_t hash = cache_.Hash(ns.hash, name);
    dependencies.push_back({name, hash, cache_.ShardOf(hash)});
  });
  return dependencies;
}

uint32_t Connection::ShardsOf(const std::vector<Dependency>& dependencies) {
  uint32_t shards = 0;
  for (const Dependency& dependency : dependencies) shards |= 1U << dependency.shard;
  return shards;
}

bool Connection::Inherit(uint32_t shard, Namespace* ns, std::string_view names,
                         const std::vector<Dependency>& dependencies, const SharedLoad* load,
                         std::string* all) {
  *all = names;
  for (const Dependency& dependency : dependencies) {
    const Name& key = dependency.key;
    if (dependency.shard == shard) continue;  // There the core sees to it.
    const double since = load == nullptr ? -1 : load->since[dependency.shard];
    const double count = In(dependency.shard, ns, [&](TiercelEngine* e, double handle) {
      return tiercel_names(e, handle, key.data, key.bytes, key.encoding, since);
    });
    if (count == kOvertaken) {
      // If nothing here depended on it when it changed, nobody has passed that on.
      (void)tiercel_load_overtake(cache_.shard(shard).engine, load->handle);
    }
    if (count <= 0) continue;
    const Shard& other = cache_.shard(dependency.shard);
    const auto* from = reinterpret_cast<const char*>(static_cast<uintptr_t>(other.registers[TIERCEL_R_KEY]));
    ForEachName({from, static_cast<size_t>(other.registers[TIERCEL_R_KEY_LENGTH])},
                [all](const Name& name, uint32_t head) { AppendName(all, name.view(), head | kInherited); });
  }
  for (const Dependency& dependency : DependenciesIn(*ns, *all)) {
    if (!cache_.dependents().Add(dependency.hash, shard)) return false;
  }
  return true;
}

double Connection::PassOn(uint32_t shard, Namespace* ns, const Name& key, uint32_t hash, double now) {
  if (cache_.shard(shard).registers[TIERCEL_R_CHANGED] == 0) return 0;
  double count = 0;
  const uint32_t shards = cache_.dependents().ShardsFor(hash);
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    if (i == shard || (shards & (1U << i)) == 0) continue;
    const double dependents = In(i, ns, [&](TiercelEngine* e, double handle) {
      return tiercel_changed(e, handle, key.data, key.bytes, key.encoding, now);
    });
    if (dependents > 0) count += dependents;
    Changed(i);
  }
  return count;
}

void Connection::TellSet(const Namespace& ns, const Name& key, const SharedValue& value) {
  if (!cache_.HasListeners() || (cache_.WantedBeside(this) & kSets) == 0) return;
  auto event = std::make_shared<Event>();
  event->kind = kSets;
  event->path = ns.path;
  event->key = key.view();
  event->key_encoding = key.encoding;
  event->value.assign(reinterpret_cast<const char*>(value.data), value.bytes);
  event->format = value.format;
  cache_.Tell(this, std::move(event));
}

// ---- One entry

double Connection::Get(double id, const Name& key, double given, uint32_t flags) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t i = cache_.ShardOf(cache_.Hash(ns->hash, key));
  Shard& shard = cache_.shard(i);
  const Hold hold(&shard.lock);
  const double slot = In(i, ns, [&](TiercelEngine* e, double handle) {
    return tiercel_get(e, handle, key.data, key.bytes, key.encoding, now, flags);
  });
  if (slot == kMiss) {
    missed_ = key.view();
    missed_encoding_ = key.encoding;
    missed_in_ = id;
    Changed(i);
  }
  if (slot >= kMiss && (flags & TIERCEL_GET_PEEK) == 0) TellRead(*ns, key, shard, slot >= 0);
  if (slot < 0) {
    Report();
    return slot;
  }
  Describe(shard);
  // Last: the key lies where the value comes to lie.
  return GiveFrom(shard, (flags & TIERCEL_GET_TAGS) != 0) ? slot : kNoMemory;
}

void Connection::TellRead(const Namespace& ns, const Name& key, const Shard& shard, bool is_hit) {
  const Wanted kind = is_hit ? kHits : kMisses;
  if (!cache_.HasListeners() || (cache_.WantedBeside(this) & kind) == 0) return;
  auto event = std::make_shared<Event>();
  event->kind = kind;
  event->path = ns.path;
  event->key = key.view();
  event->key_encoding = key.encoding;
  event->stale = is_hit && shard.registers[TIERCEL_R_IS_STALE] != 0;
  cache_.Tell(this, std::move(event));
}

double Connection::Set(double id, const Name& key, const SharedValue& value, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t hash = cache_.Hash(ns->hash, key);
  const uint32_t i = cache_.ShardOf(hash);
  const std::vector<Dependency> dependencies = DependenciesIn(*ns, value.names);
  const Locked locked(&cache_, (1U << i) | ShardsOf(dependencies), hash);
  std::string all;
  std::string_view names = value.names;
  if (!dependencies.empty()) {
    if (!Inherit(i, ns, names, dependencies, nullptr, &all)) return TIERCEL_NO_MEMORY;
    names = all;
  }
  const double slot = In(i, ns, [&](TiercelEngine* e, double handle) {
    return tiercel_set(e, handle, key.data, key.bytes, key.encoding, value.data, value.bytes, value.format, 0,
                       value.ttl, value.stale, reinterpret_cast<const uint8_t*>(names.data()),
                       static_cast<uint32_t>(names.size()), value.flags, now);
  });
  Changed(i);
  if (slot >= kRejected) PassOn(i, ns, key, hash, now);
  if (slot >= 0) TellSet(*ns, key, value);
  Report();
  return slot;
}

double Connection::SetMissed(double id, const SharedValue& value, double given) {
  if (missed_in_ != id) return kMiss;
  missed_in_ = 0;
  return Set(id, NameOf(missed_, missed_encoding_), value, given);
}

double Connection::Delete(double id, const Name& key, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t hash = cache_.Hash(ns->hash, key);
  const uint32_t i = cache_.ShardOf(hash);
  const Locked locked(&cache_, 1U << i, hash);
  double removed = In(i, ns, [&](TiercelEngine* e, double handle) {
    return tiercel_delete(e, handle, key.data, key.bytes, key.encoding, now);
  });
  Changed(i);
  if (removed >= 0) removed += 2 * PassOn(i, ns, key, hash, now);
  Report();
  return removed;
}

double Connection::Touch(double id, const Name& key, double ttl, uint32_t mode, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t i = cache_.ShardOf(cache_.Hash(ns->hash, key));
  const Hold hold(&cache_.shard(i).lock);
  const double slot = In(i, ns, [&](TiercelEngine* e, double handle) {
    return tiercel_touch(e, handle, key.data, key.bytes, key.encoding, ttl, mode, now);
  });
  Changed(i);
  Report();
  return slot;
}

double Connection::AddTags(double id, const Name& key, std::string_view tags, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t hash = cache_.Hash(ns->hash, key);
  const uint32_t i = cache_.ShardOf(hash);
  const Locked locked(&cache_, 1U << i, hash);
  const double slot = In(i, ns, [&](TiercelEngine* e, double handle) {
    return tiercel_add_tags(e, handle, key.data, key.bytes, key.encoding,
                            reinterpret_cast<const uint8_t*>(tags.data()), static_cast<uint32_t>(tags.size()),
                            now);
  });
  Changed(i);
  if (slot >= kRejected) PassOn(i, ns, key, hash, now);
  Report();
  return slot;
}

// ---- Many entries

double Connection::Clear(double id, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const Locked locked(&cache_, cache_.AllShards());
  const double count =
      SumOf(ns, [now](TiercelEngine* e, double handle) { return tiercel_clear(e, handle, now); });
  // Nothing depends on anything now: what is left is dead, and loads in flight are overtaken.
  if (ns == &namespaces_.root()) cache_.dependents().Clear();
  if (count >= 0 && (cache_.WantedBeside(this) & kClears) != 0) {
    auto event = std::make_shared<Event>();
    event->kind = kClears;
    event->path = ns->path;
    event->count = count;
    cache_.Tell(this, std::move(event));
  }
  Report();
  return count;
}

template <typename Call>
double Connection::Everywhere(double id, double given, Call call) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const Locked locked(&cache_, cache_.AllShards());
  const double count = SumOf(ns, [&](TiercelEngine* e, double handle) { return call(e, handle, now); });
  Report();
  return count;
}

double Connection::InvalidateTags(double id, std::string_view tags, double given) {
  return Everywhere(id, given, [&](TiercelEngine* e, double handle, double now) {
    return tiercel_invalidate_tags(e, handle, reinterpret_cast<const uint8_t*>(tags.data()),
                                   static_cast<uint32_t>(tags.size()), now);
  });
}

double Connection::InvalidatePrefix(double id, const Name& prefix, double given) {
  return Everywhere(id, given, [&](TiercelEngine* e, double handle, double now) {
    return tiercel_invalidate_prefix(e, handle, prefix.data, prefix.bytes, prefix.encoding, now);
  });
}

double Connection::InvalidatePattern(double id, const Name& pattern, double given) {
  return Everywhere(id, given, [&](TiercelEngine* e, double handle, double now) {
    return tiercel_invalidate_pattern(e, handle, pattern.data, pattern.bytes, pattern.encoding, now);
  });
}

// ---- Iteration: a place is that of a slot after all those of the shards before.

namespace {
constexpr double kSlots = 2147483648.0;  // 2^31
}

double Connection::Iterate(double given) {
  (void)Begin(given);
  const Locked locked(&cache_, cache_.AllShards());
  double iteration = 0;
  // The same number on each, since they count together.
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    iteration = tiercel_iterate(cache_.shard(i).engine, cache_.shard(i).root);
  }
  return iteration;
}

double Connection::Next(double id, double place, double iteration, double given) {
  const double now = Begin(given);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  auto i = place < 0 ? 0 : static_cast<uint32_t>(place / kSlots);
  auto slot = place < 0 ? -1 : static_cast<int32_t>(place - i * kSlots);
  for (; i < cache_.shard_count(); i++, slot = -1) {
    Shard& shard = cache_.shard(i);
    const Hold hold(&shard.lock);
    const double next = In(i, ns, [&](TiercelEngine* e, double handle) {
      return tiercel_next(e, handle, slot, iteration, now);
    });
    if (next == kMiss) continue;
    if (next < 0) return next;
    Describe(shard);
    return GiveFrom(shard, true) ? i * kSlots + next : kNoMemory;
  }
  return TIERCEL_MISS;
}

}  // namespace tiercel::node
