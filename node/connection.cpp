// What all calls need, those that concern the whole cache, and events.
#include "connection.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "connection_calls.h"

namespace tiercel::node {

Connection::Connection(SharedCache* cache, Waker* waker)
    : cache_(*cache), mailbox_(waker), namespaces_(cache->seed()) {
  const SharedOptions& options = cache_.options();
  solo_ = tiercel_engine_new(solo_registers_);
  solo_root_ = tiercel_cache_open(solo_, options.solo.data(), static_cast<uint32_t>(options.solo.size()));
  // Not the same jitter in all threads.
  uint8_t seed[TIERCEL_SEED_BYTES];
  std::memcpy(seed, options.seed, sizeof(seed));
  const auto place = reinterpret_cast<uintptr_t>(this);
  std::memcpy(seed, &place, sizeof(place));
  (void)tiercel_cache_seed(solo_, solo_root_, seed);
  for (uint32_t i = 0; i < cache_.shard_count(); i++) namespaces_.root().handles[i] = cache_.shard(i).root;
  const Locked locked(&cache_, cache_.AllShards());
  cache_.connections().push_back(this);
}

Connection::~Connection() {
  {
    const Locked locked(&cache_, cache_.AllShards());
    auto& connections = cache_.connections();
    connections.erase(std::find(connections.begin(), connections.end(), this));
    for (uint32_t i = 0; i < cache_.shard_count(); i++) {
      std::vector<double> own;
      for (auto& [number, load] : cache_.shard(i).loads) {
        if (load.owner == this) own.push_back(number);
        load.waiters.erase(std::remove(load.waiters.begin(), load.waiters.end(), this), load.waiters.end());
      }
      for (const double number : own) EndLoad(i, number, {number, Outcome::Kind::kGone, false, 0, {}});
    }
    cache_.WantedChanged();
  }
  tiercel_engine_delete(solo_);
}

// ---- What is given out

// Copies both to the buffer, the key first, and leaves their places in the registers; what does not fit is
// kept for Refetch. False without memory.
bool Connection::Give(std::string_view key, std::string_view value) {
  const size_t value_at = (key.size() + 7) & ~size_t{7};
  const bool fits = value_at + value.size() <= outlet.capacity;
  if (fits) {
    if (!key.empty()) std::memcpy(outlet.buffer, key.data(), key.size());
    if (!value.empty()) std::memcpy(outlet.buffer + value_at, value.data(), value.size());
  } else {
    if (value_at + value.size() > spill_.max_size()) return false;
    spill_.reserve(value_at + value.size());
    spill_.assign(key);
    spill_.resize(value_at);
    spill_.append(value);
  }
  Out(TIERCEL_R_KEY) = fits ? 0 : -1;
  Out(TIERCEL_R_VALUE) = fits ? static_cast<double>(value_at) : -1;
  Out(TIERCEL_R_KEY_LENGTH) = static_cast<double>(key.size());
  Out(TIERCEL_R_VALUE_LENGTH) = static_cast<double>(value.size());
  return true;
}

double Connection::Refetch() {
  if (spill_.size() > outlet.capacity) return TIERCEL_NO_MEMORY;
  std::memcpy(outlet.buffer, spill_.data(), spill_.size());
  Out(TIERCEL_R_KEY) = 0;
  Out(TIERCEL_R_VALUE) =
      static_cast<double>((static_cast<size_t>(Out(TIERCEL_R_KEY_LENGTH)) + 7) & ~size_t{7});
  // It was more than the buffer had room for; now it has.
  DropSpilled();
  return TIERCEL_OK;
}

std::string_view Connection::Spilled() const {
  const auto bytes = static_cast<size_t>(outlet.registers[TIERCEL_R_VALUE_LENGTH]);
  return std::string_view(spill_).substr(spill_.size() - std::min(bytes, spill_.size()));
}

void Connection::DropSpilled() {
  spill_.clear();
  spill_.shrink_to_fit();
}

bool Connection::GiveFrom(const Shard& shard, bool with_key) {
  const auto view = [&shard](TiercelRegister address, TiercelRegister length) {
    return std::string_view(reinterpret_cast<const char*>(static_cast<uintptr_t>(shard.registers[address])),
                            static_cast<size_t>(shard.registers[length]));
  };
  Out(TIERCEL_R_FORMAT) = shard.registers[TIERCEL_R_FORMAT];
  Out(TIERCEL_R_KEY_ENCODING) = shard.registers[TIERCEL_R_KEY_ENCODING];
  return Give(with_key ? view(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH) : std::string_view(),
              view(TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH));
}

void Connection::Describe(const Shard& shard) {
  Out(TIERCEL_R_IS_STALE) = shard.registers[TIERCEL_R_IS_STALE];
  Out(TIERCEL_R_TTL) = shard.registers[TIERCEL_R_TTL];
}

// After a call that may have removed entries of a shard, whose lock is held.
void Connection::Changed(uint32_t shard) {
  // What is done at an appointment is nobody's call: this thread hears of it as others do.
  cache_.TellRemovals(shard, keeping_ ? nullptr : this);
  cache_.Publish(shard);
}

// What the thread is told after such a call.
void Connection::Report() {
  Out(TIERCEL_R_REMOVALS) = wanted_ == 0 ? 0 : mailbox_.events();
  Out(TIERCEL_R_NEXT_DUE) = cache_.next_due();
}

// ---- Time

double Connection::Begin(double now) {
  const double time = cache_.Now(now);
  if (cache_.HasAppointments() && !keeping_) KeepAppointments(time);
  return time;
}

void Connection::KeepAppointments(double now) {
  keeping_ = true;
  SharedCache::Appointment appointment;
  while (cache_.TakeAppointment(now, &appointment)) {
    const double ns = namespaces_.FindOrAdd(appointment.path).id;
    (void)Delete(ns, NameOf(appointment.key, appointment.key_encoding), now);
  }
  keeping_ = false;
}

double Connection::Schedule(double ns, const Name& key, double due, double now) {
  const Namespace* const found = namespaces_.Find(ns);
  if (found == nullptr) return TIERCEL_BAD_HANDLE;
  if (!cache_.Schedule({due, found->path, std::string(key.view()), key.encoding})) return TIERCEL_LIMIT;
  (void)Begin(now);
  Report();
  return TIERCEL_OK;
}

// ---- Namespaces

// The handle of a namespace on a shard, whose lock is held, or a status.
double Connection::Resolve(uint32_t i, Namespace* ns) {
  const Shard& shard = cache_.shard(i);
  double handle = shard.root;
  ForEachName(ns->path, [&](const Name& part, uint32_t) {
    if (handle > 0) handle = tiercel_namespace(shard.engine, handle, part.data, part.bytes, part.encoding);
  });
  ns->handles[i] = handle > 0 ? handle : 0;
  return handle;
}

double Connection::OpenNamespace(double parent, const Name& part) {
  const Namespace* const above = namespaces_.Find(parent);
  if (above == nullptr) return TIERCEL_BAD_HANDLE;
  std::string path = above->path;
  AppendCanonical(&path, part);
  Namespace& ns = namespaces_.FindOrAdd(path);
  // The core knows if the part is too long, or the path too deep.
  const Locked locked(&cache_, 1);
  const double handle = ns.handles[0] != 0 ? ns.handles[0] : Resolve(0, &ns);
  return handle > 0 ? ns.id : handle;
}

double Connection::Size(double id) {
  (void)Begin(0);
  Namespace* const ns = namespaces_.Find(id);
  if (ns == nullptr) return TIERCEL_BAD_HANDLE;
  double size = 0;
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    const Locked locked(&cache_, 1U << i);
    size += In(i, ns, [](TiercelEngine* e, double handle) { return tiercel_size(e, handle); });
  }
  // Only here: a look at all shards is what other processors have to give their lines for.
  Out(TIERCEL_R_ENTRIES) = cache_.entries();
  Out(TIERCEL_R_BYTES) = cache_.bytes();
  Report();
  return size;
}

// ---- The whole cache

double Connection::Resize(double max_entries, double max_bytes) {
  const uint32_t count = cache_.shard_count();
  for (const double bound : {max_entries, max_bytes}) {
    if (!(bound > 0 && bound < count)) continue;
    const std::string least = std::to_string(count);
    message_ = R"({"message":"bounds: this shared cache has )" + least +
               " shards; accepted: a bound of at least " + least + R"(, or 0 for none"})";
    return TIERCEL_BAD_OPTION;
  }
  const auto part = [count](double bound, uint32_t i) {
    if (!(bound >= 0)) return -1.0;
    const auto whole = static_cast<uint64_t>(bound);
    return static_cast<double>(whole / count + (i < whole % count ? 1 : 0));
  };
  const Locked locked(&cache_, cache_.AllShards());
  double result = TIERCEL_OK;
  for (uint32_t i = 0; i < count; i++) {
    const double status = In(i, &namespaces_.root(), [&](TiercelEngine* e, double root) {
      return double(tiercel_cache_resize(e, root, part(max_entries, i), part(max_bytes, i)));
    });
    if (status < 0) result = status;
    Changed(i);
  }
  Report();
  return result;
}

double Connection::Stats(bool reset) {
  const Locked locked(&cache_, cache_.AllShards());
  std::string all = "[";
  uint64_t waits = 0;
  uint64_t lost = 0;
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    Shard& shard = cache_.shard(i);
    const int32_t status = tiercel_cache_stats(shard.engine, shard.root, reset ? 1 : 0);
    if (status < 0) return status;
    all += std::string(tiercel_message(shard.engine), tiercel_message_length(shard.engine)) + ",";
    waits += shard.lock.waits();
  }
  for (Connection* connection : cache_.connections()) lost += connection->mailbox().lost();
  all += R"({"shards":)" + std::to_string(cache_.shard_count()) + R"(,"references":)" +
         std::to_string(cache_.connections().size()) + R"(,"lockWaits":)" + std::to_string(waits) +
         R"(,"lostEvents":)" + std::to_string(lost) + "}]";
  message_ = std::move(all);
  return TIERCEL_OK;
}

double Connection::Sweep(uint32_t most, double given) {
  const double now = Begin(given);
  double removed = 0;
  // The shard with what is due first.
  uint32_t first = 0;
  for (uint32_t i = 1; i < cache_.shard_count(); i++) {
    if (cache_.shard(i).next_due.load(std::memory_order_relaxed) <
        cache_.shard(first).next_due.load(std::memory_order_relaxed)) {
      first = i;
    }
  }
  Shard& shard = cache_.shard(first);
  if (shard.next_due.load(std::memory_order_relaxed) <= now) {
    const Hold hold(&shard.lock);
    removed = In(first, &namespaces_.root(),
                 [&](TiercelEngine* e, double root) { return double(tiercel_sweep(e, root, most, now)); });
    Changed(first);
  }
  Report();
  return removed;
}

double Connection::Ttl(const Name& type, uint32_t flags, double modified, double hour) {
  return tiercel_ttl(solo_, solo_root_, type.data, type.bytes, type.encoding, flags, modified, hour);
}

double Connection::Match(const Name& pattern, const Name& text) {
  const int32_t result = tiercel_match(solo_, solo_root_, pattern.data, pattern.bytes, pattern.encoding,
                                       text.data, text.bytes, text.encoding);
  if (result == TIERCEL_BAD_ARGUMENT) message_ = tiercel_message(solo_);
  return result;
}

// ---- Events

double Connection::Watch(uint32_t wanted) {
  const Locked locked(&cache_, cache_.AllShards());
  wanted_ = wanted;
  cache_.WantedChanged();
  return TIERCEL_OK;
}

double Connection::Removal(uint32_t i) {
  const auto event = mailbox_.EventAt(i);
  if (event == nullptr) return TIERCEL_BAD_ARGUMENT;
  Out(TIERCEL_R_CAUSE) = event->cause;
  Out(TIERCEL_R_KEY_ENCODING) = event->key_encoding;
  Out(TIERCEL_R_NAMESPACE) = namespaces_.IdOf(event->path);
  Out(TIERCEL_R_FORMAT) = event->format;
  Out(TIERCEL_R_IS_STALE) = event->stale ? 1 : 0;
  Out(kREvent) = event->kind;
  Out(kRCount) = event->count;
  return Give(event->key, event->value) ? 0 : kNoMemory;
}

double Connection::RemovalsClear() {
  mailbox_.DropEvents(static_cast<uint32_t>(Out(TIERCEL_R_REMOVALS)));
  Out(TIERCEL_R_REMOVALS) = 0;
  return TIERCEL_OK;
}

}  // namespace tiercel::node
