// Snapshots: those of all shards, one after the other; a shard takes its own keys out of any.
#include <utility>

#include "connection_calls.h"

namespace tiercel::node {

double Connection::Snapshot(double wall, double given, std::string* snapshot) {
  const double now = Begin(given);
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    // One at a time: what another is asked for in between is in both or in neither, as before or after all of
    // it.
    Shard& shard = cache_.shard(i);
    const Hold hold(&shard.lock);
    int32_t status = tiercel_snapshot_begin(shard.engine, shard.root, wall, now);
    for (int32_t slot = -1; status == TIERCEL_OK;) {
      slot = tiercel_snapshot_next(shard.engine, shard.root, slot, now);
      if (slot == TIERCEL_MISS) break;
      if (slot < 0) status = slot;
    }
    if (status == TIERCEL_OK) status = tiercel_snapshot_end(shard.engine, shard.root);
    if (status == TIERCEL_OK) {
      const auto* from =
          reinterpret_cast<const char*>(static_cast<uintptr_t>(shard.registers[TIERCEL_R_VALUE]));
      snapshot->append(from, static_cast<size_t>(shard.registers[TIERCEL_R_VALUE_LENGTH]));
    }
    (void)tiercel_snapshot_drop(shard.engine, shard.root);
    if (status != TIERCEL_OK) return status;
  }
  return TIERCEL_OK;
}

// An entry that came back with dependencies.
struct Connection::Restored {
  uint32_t shard;
  std::string path;
  std::string key;
  uint32_t key_encoding;
  std::string names;
};

double Connection::Restore(std::string_view snapshot, double wall, double given) {
  const double now = Begin(given);
  const Locked locked(&cache_, cache_.AllShards());
  std::vector<Restored> dependents;
  double count = 0;
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    Shard& shard = cache_.shard(i);
    const auto out = [&shard](TiercelRegister address, TiercelRegister length) {
      return std::string(reinterpret_cast<const char*>(static_cast<uintptr_t>(shard.registers[address])),
                         static_cast<size_t>(shard.registers[length]));
    };
    int32_t slot =
        tiercel_restore_begin(shard.engine, shard.root, reinterpret_cast<const uint8_t*>(snapshot.data()),
                              static_cast<uint32_t>(snapshot.size()), wall, now);
    if (slot == TIERCEL_BAD_ARGUMENT) message_ = tiercel_message(shard.engine);
    while (slot >= 0 && (slot = tiercel_restore_next(shard.engine, shard.root, now)) >= 0) {
      count++;
      const double ns = shard.registers[TIERCEL_R_NAMESPACE];
      Restored entry{i,
                     {},
                     out(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH),
                     static_cast<uint32_t>(shard.registers[TIERCEL_R_KEY_ENCODING]),
                     {}};
      const Name key = NameOf(entry.key, entry.key_encoding);
      if (tiercel_names(shard.engine, ns, key.data, key.bytes, key.encoding, -1) <= 0) continue;
      entry.names = out(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
      if (tiercel_namespace_path(shard.engine, ns) < 0) continue;
      entry.path = out(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
      dependents.push_back(std::move(entry));
    }
    (void)tiercel_snapshot_drop(shard.engine, shard.root);
    if (slot < TIERCEL_MISS) return slot;
    Changed(i);
  }
  // What an entry depends on may have been here, with names that the entry did not come back with.
  for (const Restored& entry : dependents) {
    Namespace& ns = namespaces_.FindOrAdd(entry.path);
    const Name key = NameOf(entry.key, entry.key_encoding);
    const auto dependencies = DependenciesIn(ns, entry.names);
    std::string all;
    bool is_whole = Inherit(entry.shard, &ns, entry.names, dependencies, nullptr, &all);
    ForEachName(all, [&](const Name& name, uint32_t head) {
      const bool is_own = (head & kIsKey) != 0 && name.view() == key.view() && name.encoding == key.encoding;
      if ((head & kInherited) == 0 || is_own) return;
      bool is_known = false;
      ForEachName(entry.names, [&](const Name& known, uint32_t known_head) {
        is_known = is_known || ((known_head | kInherited) == head && known.view() == name.view());
      });
      is_whole = is_whole && is_known;
    });
    if (is_whole) continue;
    count -= In(entry.shard, &ns, [&](TiercelEngine* e, double handle) {
      return tiercel_delete(e, handle, key.data, key.bytes, key.encoding, now) == 0 ? 0.0 : 1.0;
    });
    Changed(entry.shard);
    PassOn(entry.shard, &ns, key, cache_.Hash(ns.hash, key), now);
  }
  Report();
  return count;
}

}  // namespace tiercel::node
