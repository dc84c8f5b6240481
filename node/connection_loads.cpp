// Loads in flight: one loader for all threads.
#include <algorithm>
#include <utility>

#include "connection_calls.h"

namespace tiercel::node {

double Connection::LoadBegin(double id, const Name& key, bool if_stale) {
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  const uint32_t hash = cache_.Hash(ns->hash, key);
  const uint32_t i = cache_.ShardOf(hash);
  Shard& shard = cache_.shard(i);
  const Hold hold(&shard.lock);
  if (if_stale) {
    const double now = cache_.Now(0);
    const double slot = In(i, ns, [&](TiercelEngine* e, double handle_of_ns) {
      return tiercel_get(e, handle_of_ns, key.data, key.bytes, key.encoding, now, TIERCEL_GET_PEEK);
    });
    if (slot >= 0) return GiveFrom(shard, false) ? kOk : kNoMemory;
    Changed(i);
  }
  const double handle = In(i, ns, [&](TiercelEngine* e, double handle_of_ns) {
    return tiercel_load_begin(e, handle_of_ns, key.data, key.bytes, key.encoding);
  });
  if (handle <= 0) return handle;
  Out(TIERCEL_R_JOINED) = shard.registers[TIERCEL_R_JOINED];
  Out(TIERCEL_R_UNTOUCHED) = shard.registers[TIERCEL_R_UNTOUCHED];
  if (shard.registers[TIERCEL_R_JOINED] != 0) {
    const double number = shard.numbers[handle];
    SharedLoad& load = shard.loads[number];
    auto& waiters = load.waiters;
    if (load.owner != this && std::find(waiters.begin(), waiters.end(), this) == waiters.end()) {
      waiters.push_back(this);
    }
    return number;
  }
  const double number = cache_.NewLoad(i);
  shard.numbers[handle] = number;
  SharedLoad& load = shard.loads[number];
  load.handle = handle;
  for (uint32_t n = 0; n < cache_.shard_count(); n++) {
    load.since[n] = cache_.shard(n).sequence.load(std::memory_order_relaxed);
  }
  load.owner = this;
  load.path = ns->path;
  load.key = key.view();
  load.key_encoding = key.encoding;
  load.hash = hash;
  return number;
}

double Connection::LoadTags(double number, std::string_view names) {
  const uint32_t i = SharedCache::ShardOfLoad(number);
  if (i >= cache_.shard_count()) return TIERCEL_BAD_HANDLE;
  Shard& shard = cache_.shard(i);
  Locked locked(&cache_, 1U << i);
  while (true) {
    const auto found = shard.loads.find(number);
    if (found == shard.loads.end()) return TIERCEL_BAD_HANDLE;
    Namespace& ns = namespaces_.FindOrAdd(found->second.path);
    const auto dependencies = DependenciesIn(ns, names);
    // Let go of for a moment, the lock may have let the load end.
    if (locked.Add(ShardsOf(dependencies))) continue;
    std::string all;
    if (!Inherit(i, &ns, names, dependencies, &found->second, &all)) return TIERCEL_NO_MEMORY;
    const int32_t status =
        tiercel_load_tags(shard.engine, found->second.handle, reinterpret_cast<const uint8_t*>(all.data()),
                          static_cast<uint32_t>(all.size()));
    if (status == TIERCEL_BAD_ARGUMENT) message_ = tiercel_message(shard.engine);
    return status;
  }
}

double Connection::LoadCommit(double number, const SharedValue& value, double given, Commit commit) {
  const uint32_t i = SharedCache::ShardOfLoad(number);
  if (i >= cache_.shard_count()) return TIERCEL_BAD_HANDLE;
  const double now = Begin(given);
  Shard& shard = cache_.shard(i);
  Locked locked(&cache_, 1U << i);
  while (true) {
    const auto found = shard.loads.find(number);
    if (found == shard.loads.end()) return TIERCEL_BAD_HANDLE;
    const SharedLoad& load = found->second;
    Namespace& ns = namespaces_.FindOrAdd(load.path);
    const auto dependencies = DependenciesIn(ns, value.names);
    if (locked.Add(ShardsOf(dependencies) | cache_.dependents().ShardsFor(load.hash))) continue;
    std::string all;
    if (!Inherit(i, &ns, value.names, dependencies, &load, &all)) return TIERCEL_NO_MEMORY;
    const int32_t result = tiercel_load_commit(
        shard.engine, load.handle, value.data, value.bytes, value.format, 0, value.ttl, value.stale,
        reinterpret_cast<const uint8_t*>(all.data()), static_cast<uint32_t>(all.size()), value.flags, now,
        commit == Commit::kStore ? 1 : 0);
    if (result == TIERCEL_BAD_ARGUMENT) message_ = tiercel_message(shard.engine);
    Changed(i);
    if (result >= TIERCEL_OVERTAKEN) {
      const std::string key = load.key;
      const Name name = NameOf(key, load.key_encoding);
      if (result != TIERCEL_OVERTAKEN) PassOn(i, &ns, name, load.hash, now);
      if (result >= 0 && commit == Commit::kStore) TellSet(ns, name, value);
      Outcome outcome{number, Outcome::Kind::kNothing, result == TIERCEL_OVERTAKEN, value.format, {}};
      if (commit != Commit::kNothing) {
        outcome.kind = Outcome::Kind::kValue;
        outcome.value.assign(reinterpret_cast<const char*>(value.data), value.bytes);
      }
      EndLoad(i, number, outcome);
    }
    Report();
    return result;
  }
}

double Connection::LoadEnd(double number, Outcome::Kind outcome, std::string_view value, uint32_t format) {
  const uint32_t i = SharedCache::ShardOfLoad(number);
  if (i >= cache_.shard_count()) return TIERCEL_BAD_HANDLE;
  Shard& shard = cache_.shard(i);
  const Hold hold(&shard.lock);
  if (shard.loads.find(number) == shard.loads.end()) return TIERCEL_BAD_HANDLE;
  EndLoad(i, number, {number, outcome, false, format, std::string(value)});
  return TIERCEL_OK;
}

// Forgets a load, and tells those that wait for it. The lock of the shard is held.
void Connection::EndLoad(uint32_t i, double number, const Outcome& outcome) {
  Shard& shard = cache_.shard(i);
  const auto found = shard.loads.find(number);
  // Of no effect if the core ended it.
  (void)tiercel_load_end(shard.engine, found->second.handle);
  shard.numbers.erase(found->second.handle);
  if (!found->second.waiters.empty()) {
    const auto shared = std::make_shared<const Outcome>(outcome);
    for (Connection* waiter : found->second.waiters) {
      if (waiter != this) waiter->mailbox().Post(shared);
    }
  }
  shard.loads.erase(found);
}

double Connection::TakeOutcome() {
  const auto outcome = mailbox_.TakeOutcome();
  if (outcome == nullptr) return 0;
  Out(kRLoad) = outcome->load;
  Out(kROutcome) = static_cast<double>(outcome->kind);
  Out(kROvertaken) = outcome->overtaken ? 1 : 0;
  Out(TIERCEL_R_FORMAT) = outcome->format;
  return Give({}, outcome->value) ? 1 : kNoMemory;
}

}  // namespace tiercel::node
