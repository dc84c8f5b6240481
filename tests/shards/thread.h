// A thread that has a shared cache open, with the calls as C++ types.
#ifndef TIERCEL_TESTS_SHARDS_THREAD_H_
#define TIERCEL_TESTS_SHARDS_THREAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "connection.h"
#include "registry.h"
#include "text.h"

namespace tiercel::test {

using node::kBadArgument;
using node::kBadHandle;
using node::kOk;
using node::kOvertaken;
constexpr double kBadOption = TIERCEL_BAD_OPTION;

using node::Commit;
using node::Connection;
using node::Name;
using node::Outcome;
using node::SharedCache;
using node::SharedOptions;

struct Stored {
  std::string value = "v";
  std::vector<Text> tags = {};
  std::vector<Text> depends_on = {};
  double ttl = 0;

  std::string Names() const { return Pack(tags) + Pack(depends_on, 1); }
};

inline SharedOptions OptionsOf(uint32_t shards, const std::string& each = R"("maxEntries":1000)") {
  SharedOptions options;
  options.own_clock = true;
  options.seed[0] = 7;
  options.solo = R"({"values":"bytes","maxEntries":1})";
  for (uint32_t i = 0; i < shards; i++) {
    options.shards.push_back(R"({"values":"bytes","stripes":)" + std::to_string(shards) + R"(,"stripe":)" +
                             std::to_string(i) + "," + each + "}");
  }
  return options;
}

class CountingWaker final : public node::Waker {
 public:
  void Wake() override { wakes++; }
  std::atomic<int> wakes = 0;
};

inline Name NameOf(const Text& text) { return {text.data(), text.size(), text.encoding}; }

// One use of a cache, by one thread at a time.
class Client {
 public:
  explicit Client(SharedCache* cache) : connection_(std::make_unique<Connection>(cache, &waker_)) {
    connection_->outlet = {registers_, buffer_.data(), static_cast<uint32_t>(buffer_.size())};
  }

  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }
  double root() { return connection_->root(); }
  void Close() { connection_.reset(); }
  int wakes() const { return waker_.wakes; }

  double Register(uint32_t i) const { return registers_[i]; }
  std::string Out(TiercelRegister address, TiercelRegister length) {
    if (registers_[address] < 0) {
      buffer_.resize(buffer_.size() + static_cast<size_t>(registers_[TIERCEL_R_KEY_LENGTH]) +
                     static_cast<size_t>(registers_[TIERCEL_R_VALUE_LENGTH]) + 16);
      connection_->outlet = {registers_, buffer_.data(), static_cast<uint32_t>(buffer_.size())};
      connection_->Refetch();
    }
    return {reinterpret_cast<const char*>(buffer_.data()) + static_cast<size_t>(registers_[address]),
            static_cast<size_t>(registers_[length])};
  }
  std::string Value() { return Out(TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH); }
  std::string Key() { return Out(TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH); }

  std::optional<std::string> Get(const Text& key, double ns = 1, double now = 0, uint32_t flags = 0) {
    if (connection_->Get(ns, NameOf(key), now, flags) < 0) return std::nullopt;
    return Value();
  }
  double Set(const Text& key, const Stored& stored = {}, double ns = 1, double now = 0) {
    const std::string names = stored.Names();
    return connection_->Set(ns, NameOf(key), ValueOf(stored, names), now);
  }
  double Delete(const Text& key, double ns = 1) { return connection_->Delete(ns, NameOf(key), 0); }
  double AddTags(const Text& key, const std::vector<Text>& tags) {
    return connection_->AddTags(1, NameOf(key), Pack(tags), 0);
  }
  double InvalidateTags(const std::vector<Text>& tags, double ns = 1) {
    return connection_->InvalidateTags(ns, Pack(tags), 0);
  }
  double Namespace(const Text& part, double ns = 1) { return connection_->OpenNamespace(ns, NameOf(part)); }
  double LoadBegin(const Text& key, double ns = 1) { return connection_->LoadBegin(ns, NameOf(key), false); }
  bool joined() const { return registers_[TIERCEL_R_JOINED] != 0; }
  double LoadTags(double load, const std::vector<Text>& tags, const std::vector<Text>& depends_on = {}) {
    return connection_->LoadTags(load, Pack(tags) + Pack(depends_on, 1));
  }
  double LoadCommit(double load, const Stored& stored = {}, Commit commit = Commit::kStore) {
    const std::string names = stored.Names();
    return connection_->LoadCommit(load, ValueOf(stored, names), 0, commit);
  }

 private:
  static node::SharedValue ValueOf(const Stored& stored, const std::string& names) {
    node::SharedValue value;
    value.data = reinterpret_cast<const uint8_t*>(stored.value.data());
    value.bytes = static_cast<uint32_t>(stored.value.size());
    value.ttl = stored.ttl;
    value.names = names;
    return value;
  }

  CountingWaker waker_;
  double registers_[TIERCEL_REGISTERS] = {};
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(4096);
  std::unique_ptr<Connection> connection_;
};

inline std::unique_ptr<SharedCache> OpenCache(uint32_t shards,
                                              const std::string& each = R"("maxEntries":1000)") {
  std::string fault;
  return SharedCache::Open(OptionsOf(shards, each), &fault);
}

// Runs `work(i)` on that many threads at once.
template <typename Work>
void InThreads(int count, Work work) {
  std::atomic<int> ready = 0;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; i++) {
    threads.emplace_back([&, i] {
      ready++;
      while (ready != count) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tiercel::test

#endif  // TIERCEL_TESTS_SHARDS_THREAD_H_
