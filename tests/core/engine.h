// An engine under test: the calls of the ABI with C++ types. They are virtual so that the self-test of the
// model harness can break one of them and see that the harness notices.
#ifndef TIERCEL_TESTS_CORE_ENGINE_H_
#define TIERCEL_TESTS_CORE_ENGINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text.h"
#include "tiercel/abi.h"

namespace tiercel::test {

// Statuses as calls that return a double give them.
constexpr double kRejected = TIERCEL_REJECTED;
constexpr double kNoMemory = TIERCEL_NO_MEMORY;
constexpr double kBadHandle = TIERCEL_BAD_HANDLE;
constexpr double kBadOption = TIERCEL_BAD_OPTION;
constexpr double kBadArgument = TIERCEL_BAD_ARGUMENT;
constexpr double kLimit = TIERCEL_LIMIT;

// What tiercel_set and tiercel_load_commit store.
struct Stored {
  std::string value = "v";
  uint32_t format = 0;
  std::optional<double> weight = {};  // In reference mode; the size of `value` if not given.
  double ttl = 0;
  double stale = 0;
  std::vector<Text> tags = {};
  std::vector<Text> depends_on = {};
  bool pinned = false;

  std::string Names() const { return Pack(tags) + Pack(depends_on, 1); }
  uint32_t flags() const { return pinned ? TIERCEL_SET_PINNED : 0; }
};

struct Removal {
  int32_t slot = 0;
  TiercelCause cause = TIERCEL_CAUSE_EXPLICIT;
  // Watched caches only.
  Text key;
  double ns = 0;
  // Bytes mode only.
  std::string value;
  uint32_t format = 0;
};

class Engine {
 public:
  Engine() : engine_(tiercel_engine_new(registers_)) {}
  virtual ~Engine() { tiercel_engine_delete(engine_); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  TiercelEngine* raw() { return engine_; }
  double Register(TiercelRegister r) const { return registers_[r]; }
  std::string Message() { return {tiercel_message(engine_), tiercel_message_length(engine_)}; }

  // The bytes that two registers describe: (R_VALUE, R_VALUE_LENGTH) or (R_KEY, R_KEY_LENGTH).
  std::string Bytes(TiercelRegister address, TiercelRegister length) const {
    const auto size = static_cast<size_t>(registers_[length]);
    if (size == 0) return {};
    return {reinterpret_cast<const char*>(static_cast<uintptr_t>(registers_[address])), size};
  }
  std::string ValueBytes() const { return Bytes(TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH); }
  Text Key() const {
    const std::string bytes = Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH);
    return {bytes.data(), bytes.size(), static_cast<uint32_t>(registers_[TIERCEL_R_KEY_ENCODING])};
  }

  virtual double Open(std::string_view options) {
    return tiercel_cache_open(engine_, options.data(), static_cast<uint32_t>(options.size()));
  }
  virtual int32_t Close(double ns) { return tiercel_cache_close(engine_, ns); }
  virtual int32_t Seed(double ns, const uint8_t* seed) { return tiercel_cache_seed(engine_, ns, seed); }
  virtual int32_t Resize(double ns, double max_entries, double max_bytes) {
    return tiercel_cache_resize(engine_, ns, max_entries, max_bytes);
  }
  virtual int32_t Watch(double ns, bool on) { return tiercel_cache_watch(engine_, ns, on ? 1 : 0); }
  // The statistics as JSON text, or "" if the call failed.
  virtual std::string Stats(double ns, bool reset = false) {
    return tiercel_cache_stats(engine_, ns, reset ? 1 : 0) < 0 ? "" : Message();
  }
  virtual double Namespace(double ns, const Text& part) {
    return tiercel_namespace(engine_, ns, part.data(), part.size(), part.encoding);
  }
  virtual double Clear(double ns, double now) { return tiercel_clear(engine_, ns, now); }
  virtual double Size(double ns) { return tiercel_size(engine_, ns); }

  virtual int32_t Get(double ns, const Text& key, double now, uint32_t flags = 0) {
    const int32_t slot = tiercel_get(engine_, ns, key.data(), key.size(), key.encoding, now, flags);
    if (slot == TIERCEL_MISS) missed_ = {ns, key};
    return slot;
  }
  // Of what the last get missed it sends the key every other time only, as bindings never do.
  virtual int32_t Set(double ns, const Text& key, const Stored& stored, double now) {
    if (missed_.ns == ns && missed_.key.bytes == key.bytes && missed_.key.encoding == key.encoding &&
        ++sets_of_missed_ % 2 == 0) {
      const int32_t slot = SetAs(TIERCEL_MISSED, ns, {}, stored, now);
      if (slot != TIERCEL_MISS) return slot;
    }
    return SetAs(key.encoding, ns, key, stored, now);
  }
  int32_t SetAs(uint32_t encoding, double ns, const Text& key, const Stored& stored, double now) {
    const std::string names = stored.Names();
    return tiercel_set(engine_, ns, key.data(), key.size(), encoding, U8(stored.value), U32(stored.value),
                       stored.format, Weight(stored), stored.ttl, stored.stale, U8(names), U32(names),
                       stored.flags(), now);
  }
  // 1 for the entry itself, and twice the number of its dependents.
  virtual double Delete(double ns, const Text& key, double now) {
    return tiercel_delete(engine_, ns, key.data(), key.size(), key.encoding, now);
  }
  virtual int32_t Touch(double ns, const Text& key, double ttl, double now,
                        TiercelTouchMode mode = TIERCEL_TOUCH_RENEW) {
    return tiercel_touch(engine_, ns, key.data(), key.size(), key.encoding, ttl, mode, now);
  }
  virtual int32_t AddTags(double ns, const Text& key, const std::vector<Text>& tags, double now) {
    const std::string packed = Pack(tags);
    return tiercel_add_tags(engine_, ns, key.data(), key.size(), key.encoding, U8(packed), U32(packed), now);
  }
  virtual double InvalidatePrefix(double ns, const Text& prefix, double now) {
    return tiercel_invalidate_prefix(engine_, ns, prefix.data(), prefix.size(), prefix.encoding, now);
  }
  virtual double InvalidatePattern(double ns, const Text& pattern, double now) {
    return tiercel_invalidate_pattern(engine_, ns, pattern.data(), pattern.size(), pattern.encoding, now);
  }
  virtual int32_t Match(double ns, const Text& pattern, const Text& text) {
    return tiercel_match(engine_, ns, pattern.data(), pattern.size(), pattern.encoding, text.data(),
                         text.size(), text.encoding);
  }
  virtual int32_t Sweep(double ns, uint32_t most, double now) {
    return tiercel_sweep(engine_, ns, most, now);
  }
  virtual double Invalidate(double ns, const std::vector<Text>& tags, double now) {
    const std::string packed = Pack(tags);
    return tiercel_invalidate_tags(engine_, ns, U8(packed), U32(packed), now);
  }
  // Empty also if the call failed.
  virtual std::vector<Text> Tags(double ns, int32_t slot) {
    if (tiercel_tags(engine_, ns, slot) <= 0) return {};
    return Unpack(Bytes(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH));
  }
  virtual int32_t Value(double ns, int32_t slot) { return tiercel_value(engine_, ns, slot); }
  virtual double Iterate(double ns) { return tiercel_iterate(engine_, ns); }
  virtual int32_t Next(double ns, int32_t slot, double iteration, double now) {
    return tiercel_next(engine_, ns, slot, iteration, now);
  }

  virtual double LoadBegin(double ns, const Text& key) {
    return tiercel_load_begin(engine_, ns, key.data(), key.size(), key.encoding);
  }
  virtual int32_t LoadTags(double load, const std::vector<Text>& tags,
                           const std::vector<Text>& depends_on = {}) {
    const std::string packed = Pack(tags) + Pack(depends_on, 1);
    return tiercel_load_tags(engine_, load, U8(packed), U32(packed));
  }
  virtual int32_t LoadCommit(double load, const Stored& stored, double now, bool store = true) {
    const std::string names = stored.Names();
    return tiercel_load_commit(engine_, load, U8(stored.value), U32(stored.value), stored.format,
                               Weight(stored), stored.ttl, stored.stale, U8(names), U32(names),
                               stored.flags(), now, store ? 1 : 0);
  }
  virtual int32_t LoadEnd(double load) { return tiercel_load_end(engine_, load); }

  virtual int32_t SnapshotBegin(double ns, double wall, double now) {
    return tiercel_snapshot_begin(engine_, ns, wall, now);
  }
  virtual int32_t SnapshotNext(double ns, int32_t slot, double now) {
    return tiercel_snapshot_next(engine_, ns, slot, now);
  }
  virtual int32_t SnapshotAdd(double ns, int32_t slot, const std::string& value, uint32_t format,
                              double now) {
    return tiercel_snapshot_add(engine_, ns, slot, U8(value), U32(value), format, now);
  }
  // Empty also if the call failed.
  virtual std::string SnapshotEnd(double ns) {
    return tiercel_snapshot_end(engine_, ns) < 0 ? "" : ValueBytes();
  }
  virtual int32_t SnapshotDrop(double ns) { return tiercel_snapshot_drop(engine_, ns); }
  virtual int32_t RestoreBegin(double ns, const std::string& snapshot, double wall, double now) {
    return tiercel_restore_begin(engine_, ns, U8(snapshot), U32(snapshot), wall, now);
  }
  virtual int32_t RestoreNext(double ns, double now) { return tiercel_restore_next(engine_, ns, now); }

  virtual int32_t RemovalAt(double ns, uint32_t i) { return tiercel_removal(engine_, ns, i); }
  virtual int32_t RemovalsClear(double ns) { return tiercel_removals_clear(engine_, ns); }

  // The log of removals, which is empty after. Members that the cache does not report are meaningless.
  std::vector<Removal> Drain(double ns) {
    std::vector<Removal> removals;
    const auto count = static_cast<uint32_t>(registers_[TIERCEL_R_REMOVALS]);
    for (uint32_t i = 0; i < count; i++) {
      registers_[TIERCEL_R_KEY_LENGTH] = registers_[TIERCEL_R_VALUE_LENGTH] = 0;
      Removal removal;
      removal.slot = RemovalAt(ns, i);
      removal.cause = static_cast<TiercelCause>(registers_[TIERCEL_R_CAUSE]);
      removal.key = Key();
      removal.ns = registers_[TIERCEL_R_NAMESPACE];
      removal.value = ValueBytes();
      removal.format = static_cast<uint32_t>(registers_[TIERCEL_R_FORMAT]);
      removals.push_back(std::move(removal));
    }
    RemovalsClear(ns);
    registers_[TIERCEL_R_REMOVALS] = 0;
    return removals;
  }

 protected:
  double registers_[TIERCEL_REGISTERS] = {};

 private:
  static const uint8_t* U8(const std::string& bytes) {
    return reinterpret_cast<const uint8_t*>(bytes.data());
  }
  static uint32_t U32(const std::string& bytes) { return static_cast<uint32_t>(bytes.size()); }
  static double Weight(const Stored& stored) {
    return stored.weight.value_or(static_cast<double>(stored.value.size()));
  }

  TiercelEngine* engine_;
  struct {
    double ns = 0;
    Text key;
  } missed_;
  uint32_t sets_of_missed_ = 0;
};

// The value that a counting get finds, in bytes mode; nothing on a miss.
inline std::optional<std::string> Read(Engine& engine, double ns, const Text& key, double now,
                                       uint32_t flags = 0) {
  if (engine.Get(ns, key, now, flags) < 0) return std::nullopt;
  return engine.ValueBytes();
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_CORE_ENGINE_H_
