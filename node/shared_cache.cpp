#include "shared_cache.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "connection.h"

namespace tiercel::node {

std::unique_ptr<SharedCache> SharedCache::Open(const SharedOptions& options, std::string* fault) {
  std::unique_ptr<SharedCache> cache(new SharedCache(options));
  cache->count_ = static_cast<uint32_t>(options.shards.size());
  for (uint32_t i = 0; i < cache->count_; i++) {
    cache->shards_[i] = std::make_unique<Shard>();
    Shard& shard = *cache->shards_[i];
    const std::string& document = options.shards[i];
    shard.engine = tiercel_engine_new(shard.registers);
    if (shard.engine == nullptr) return nullptr;
    shard.root = tiercel_cache_open(shard.engine, document.data(), static_cast<uint32_t>(document.size()));
    if (shard.root <= 0 || tiercel_cache_seed(shard.engine, shard.root, options.seed) != TIERCEL_OK) {
      *fault = tiercel_message(shard.engine);
      return nullptr;
    }
    shard.registers[TIERCEL_R_NEXT_DUE] = std::numeric_limits<double>::infinity();
  }
  return cache;
}

SharedCache::~SharedCache() {
  for (uint32_t i = 0; i < count_; i++)
    tiercel_engine_delete(shards_[i] == nullptr ? nullptr : shards_[i]->engine);
}

double SharedCache::Clock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

double SharedCache::entries() const {
  double sum = 0;
  for (uint32_t i = 0; i < count_; i++) sum += shards_[i]->entries.load(std::memory_order_relaxed);
  return sum;
}

double SharedCache::bytes() const {
  double sum = 0;
  for (uint32_t i = 0; i < count_; i++) sum += shards_[i]->bytes.load(std::memory_order_relaxed);
  return sum;
}

double SharedCache::next_due() const {
  double least = next_appointment_.load(std::memory_order_relaxed);
  for (uint32_t left = due_.load(std::memory_order_acquire); left != 0; left &= left - 1) {
    const auto i = static_cast<uint32_t>(__builtin_ctz(left));
    least = std::min(least, shards_[i]->next_due.load(std::memory_order_relaxed));
  }
  return least;
}

// ---- Events

uint32_t SharedCache::WantedBeside(const Connection* one) const {
  uint32_t wanted = 0;
  for (const Connection* connection : connections_) {
    if (connection != one) wanted |= connection->wanted();
  }
  return wanted;
}

void SharedCache::WantedChanged() {
  const uint32_t wanted = WantedBeside(nullptr);
  has_listeners_ = wanted != 0;
  const bool watched = (wanted & kRemovals) != 0;
  for (uint32_t i = 0; i < count_; i++) {
    (void)tiercel_cache_watch(shards_[i]->engine, shards_[i]->root, watched ? 1 : 0);
  }
}

void SharedCache::Tell(const Connection* actor, std::shared_ptr<const Event> event) {
  for (Connection* connection : connections_) {
    if (connection != actor && (connection->wanted() & event->kind) != 0)
      connection->mailbox().Post(event, true);
  }
}

void SharedCache::TellRemovals(uint32_t i, const Connection* actor) {
  Shard& shard = *shards_[i];
  const auto count = static_cast<uint32_t>(shard.registers[TIERCEL_R_REMOVALS]);
  if (count == 0) return;
  const auto bytes = [&shard](TiercelRegister address, TiercelRegister length) {
    const auto* from = reinterpret_cast<const char*>(static_cast<uintptr_t>(shard.registers[address]));
    return from == nullptr ? std::string() : std::string(from, static_cast<size_t>(shard.registers[length]));
  };
  const bool watched = (WantedBeside(nullptr) & kRemovals) != 0;
  for (uint32_t n = 0; n < count && watched; n++) {
    if (tiercel_removal(shard.engine, shard.root, n) < 0) break;
    auto event = std::make_shared<Event>();
    event->cause = static_cast<TiercelCause>(shard.registers[TIERCEL_R_CAUSE]);
    event->key = bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
    event->key_encoding = static_cast<uint32_t>(shard.registers[TIERCEL_R_KEY_ENCODING]);
    event->value = bytes(TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH);
    event->format = static_cast<uint32_t>(shard.registers[TIERCEL_R_FORMAT]);
    const int32_t parts = tiercel_namespace_path(shard.engine, shard.registers[TIERCEL_R_NAMESPACE]);
    if (parts < 0) continue;  // Forgotten: nobody has it.
    event->path = parts == 0 ? std::string() : bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
    for (Connection* connection : connections_) {
      if ((connection->wanted() & kRemovals) != 0) connection->mailbox().Post(event, connection != actor);
    }
  }
  (void)tiercel_removals_clear(shard.engine, shard.root);
}

// ---- Invalidations yet to come

bool SharedCache::Schedule(Appointment appointment) {
  timed_.store(true, std::memory_order_relaxed);
  const Hold hold(&schedule_lock_);
  if (schedule_.size() == kMostAppointments) return false;
  schedule_.push(std::move(appointment));
  next_appointment_.store(schedule_.top().due, std::memory_order_release);
  return true;
}

bool SharedCache::TakeAppointment(double now, Appointment* appointment) {
  if (next_appointment_.load(std::memory_order_acquire) > now) return false;
  const Hold hold(&schedule_lock_);
  if (schedule_.empty() || schedule_.top().due > now) return false;
  *appointment = schedule_.top();
  schedule_.pop();
  next_appointment_.store(schedule_.empty() ? std::numeric_limits<double>::infinity() : schedule_.top().due,
                          std::memory_order_release);
  return true;
}

}  // namespace tiercel::node
