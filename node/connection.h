// A shared cache as one thread has it open: the calls of abi.h, with numbers that stand for namespaces, loads
// and places of an iteration across all shards, and with what they give out copied, under the lock, to where
// that thread reads it.
//
// One thread at a time. What others have for it comes through the mailbox.
#ifndef TIERCEL_NODE_CONNECTION_H_
#define TIERCEL_NODE_CONNECTION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox.h"
#include "namespaces.h"
#include "packed_list.h"
#include "shared_cache.h"
#include "tiercel/abi.h"

namespace tiercel::node {

// Registers of this binding: TIERCEL_R_BINDING and on. js/src/engine/shared.ts has them too.
enum SharedRegister : uint32_t {
  // Of TakeOutcome: the number of the load, Outcome::Kind, and 1 if it was overtaken.
  kRLoad = TIERCEL_R_BINDING,
  kROutcome,
  kROvertaken,
  // Of Removal: Wanted, and of a clear how many entries.
  kREvent,
  kRCount
};

// Where a thread reads what calls give out.
struct Outlet {
  double* registers = nullptr;
  uint8_t* buffer = nullptr;
  uint32_t capacity = 0;
};

// A value on its way in.
struct SharedValue {
  const uint8_t* data = nullptr;
  uint32_t bytes = 0;
  uint32_t format = 0;
  double ttl = 0;
  double stale = 0;
  std::string_view names;
  uint32_t flags = 0;
};

// What LoadCommit does with the value.
enum class Commit : uint8_t { kNothing, kStore, kOnlyTell };

class Connection {
 public:
  // `waker` outlives the connection.
  Connection(SharedCache* cache, Waker* waker);
  // Ends the loads of this thread: those that wait for them are told.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  SharedCache& cache() { return cache_; }
  Mailbox& mailbox() { return mailbox_; }
  uint32_t wanted() const { return wanted_; }
  // What is said of the last call that returned TIERCEL_BAD_ARGUMENT, and the statistics.
  const std::string& message() const { return message_; }
  Outlet outlet;

  // The calls of abi.h of the same names; what is beside them is said. Each takes the number of a namespace.
  double root() { return namespaces_.root().id; }
  double Resize(double max_entries, double max_bytes);
  // A JSON array of the documents of all shards, and one of what there is but once.
  double Stats(bool reset);
  // `wanted` of Wanted.
  double Watch(uint32_t wanted);
  double OpenNamespace(double ns, const Name& part);
  double Clear(double ns, double now);
  double Size(double ns);
  double Get(double ns, const Name& key, double now, uint32_t flags);
  double Set(double ns, const Name& key, const SharedValue& value, double now);
  // Sets the key that this thread's last Get missed, whatever others did since; kMiss if that was elsewhere.
  double SetMissed(double ns, const SharedValue& value, double now);
  double Delete(double ns, const Name& key, double now);
  double Touch(double ns, const Name& key, double ttl, uint32_t mode, double now);
  double AddTags(double ns, const Name& key, std::string_view tags, double now);
  double Ttl(const Name& type, uint32_t flags, double modified, double hour);
  double InvalidateTags(double ns, std::string_view tags, double now);
  double InvalidatePrefix(double ns, const Name& prefix, double now);
  double InvalidatePattern(double ns, const Name& pattern, double now);
  double Match(const Name& pattern, const Name& text);
  double Sweep(uint32_t most, double now);
  double Iterate(double now);
  double Next(double ns, double place, double iteration, double now);

  // Of a load that another thread runs R_JOINED is 1, and what it comes to arrives as an outcome. With
  // `if_stale` a fresh entry is given out instead, and 0 returned: another thread may have stored it since
  // this one looked.
  double LoadBegin(double ns, const Name& key, bool if_stale);
  double LoadTags(double load, std::string_view names);
  double LoadCommit(double load, const SharedValue& value, double now, Commit commit);
  // `outcome` is for those that wait: kFailed or kGone.
  double LoadEnd(double load, Outcome::Kind outcome, std::string_view value, uint32_t format);
  // 1 and the next outcome, or 0.
  double TakeOutcome();

  // All of it at once: the steps between, in abi.h, are nothing here.
  double Snapshot(double wall, double now, std::string* snapshot);
  // Returns how many entries.
  double Restore(std::string_view snapshot, double wall, double now);

  // Deletes whatever is under a key at a time of the cache's clock.
  double Schedule(double ns, const Name& key, double due, double now);

  // The i-th event of the mailbox: that of a removal as in abi.h, with kREvent and kRCount.
  double Removal(uint32_t i);
  double RemovalsClear();

  // Gives out again what did not fit.
  double Refetch();
  // The value that did not fit.
  std::string_view Spilled() const;
  void DropSpilled();

 private:
  // A key that an entry depends on.
  struct Dependency {
    Name key;
    uint32_t hash;
    uint32_t shard;
  };

  // connection.cpp
  template <typename Call>
  double In(uint32_t shard, Namespace* ns, Call call);
  template <typename Call>
  double SumOf(Namespace* ns, Call call);
  double Resolve(uint32_t shard, Namespace* ns);
  // The time for a call. First of all in each, before any lock or namespace: it does what is due by then.
  double Begin(double now);
  void KeepAppointments(double now);
  void Changed(uint32_t shard);
  void Report();
  double& Out(uint32_t i) { return outlet.registers[i]; }
  bool Give(std::string_view key, std::string_view value);
  bool GiveFrom(const Shard& shard, bool with_key);
  void Describe(const Shard& shard);

  // connection_entries.cpp
  // An invalidation, on all shards at once; the sum of what each says.
  template <typename Call>
  double Everywhere(double id, double given, Call call);
  std::vector<Dependency> DependenciesIn(const Namespace& ns, std::string_view names);
  static uint32_t ShardsOf(const std::vector<Dependency>& dependencies);
  // The names, with those that come with dependencies on other shards, and noted as such; the locks are held.
  // `load` is overtaken if one of them changed since it began; nullptr without one.
  bool Inherit(uint32_t shard, Namespace* ns, std::string_view names,
               const std::vector<Dependency>& dependencies, const SharedLoad* load, std::string* all);
  // Passes a change of the key on, if there was one; returns how many dependents that concerns.
  double PassOn(uint32_t shard, Namespace* ns, const Name& key, uint32_t hash, double now);
  void TellRead(const Namespace& ns, const Name& key, const Shard& shard, bool is_hit);
  void TellSet(const Namespace& ns, const Name& key, const SharedValue& value);

  // connection_loads.cpp
  void EndLoad(uint32_t shard, double load, const Outcome& outcome);

  // connection_snapshot.cpp
  struct Restored;

  SharedCache& cache_;
  Mailbox mailbox_;
  Namespaces namespaces_;
  uint32_t wanted_ = 0;  // Changed with all locks held, read with any.
  // A cache without entries, for what concerns none: needs no lock.
  TiercelEngine* solo_ = nullptr;
  double solo_registers_[TIERCEL_REGISTERS] = {};
  double solo_root_ = 0;
  std::string message_;
  std::string missed_;  // The key that the last Get missed, and the namespace, 0 for none.
  uint32_t missed_encoding_ = TIERCEL_LATIN1;
  double missed_in_ = 0;
  std::string spill_;     // What did not fit, the key before the value.
  bool keeping_ = false;  // Whether appointments are being kept.
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_CONNECTION_H_
