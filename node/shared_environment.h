// What an environment (the main thread, a worker) has of shared caches, and how a call finds its connection.
#ifndef TIERCEL_NODE_SHARED_ENVIRONMENT_H_
#define TIERCEL_NODE_SHARED_ENVIRONMENT_H_

#include <node_api.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connection.h"
#include "registry.h"

namespace tiercel::node {

// A connection and what it shares with JavaScript.
struct SharedBox {
  Outlet outlet;
  SharedCache* cache = nullptr;
  std::unique_ptr<Connection> connection;
  napi_ref registers_ref = nullptr;
  napi_ref buffer_ref = nullptr;
  std::string message;   // Of `open`.
  std::string snapshot;  // The one that was taken.
  double restored = 0;   // Entries that restoreNext has yet to tell of.

  void Disconnect() {
    if (connection == nullptr) return;
    connection.reset();
    Registry::Process().Close(cache);
  }
};

class SharedEnvironment final : public Waker {
 public:
  SharedEnvironment(napi_env env, double* numbers) : env_(env), numbers_(numbers) {}

  double* numbers() const { return numbers_; }

  SharedBox* Find(double id) const {
    return id >= 0 && id < static_cast<double>(boxes_.size()) ? boxes_[static_cast<size_t>(id)] : nullptr;
  }
  size_t Add(SharedBox* box) {
    holders_++;
    size_t id = 0;
    while (id < boxes_.size() && boxes_[id] != nullptr) id++;
    if (id == boxes_.size()) boxes_.push_back(nullptr);
    boxes_[id] = box;
    return id;
  }
  void Remove(const SharedBox* box) {
    for (SharedBox*& place : boxes_) {
      if (place == box) place = nullptr;
    }
    Unhold();
  }

  // Takes the function that is called when there is mail. It does not keep the thread's event loop going.
  bool Listen(napi_value on_mail) {
    napi_value name = nullptr;
    if (wakes_ != nullptr) return false;
    if (napi_create_string_latin1(env_, "tiercel", NAPI_AUTO_LENGTH, &name) != napi_ok ||
        napi_create_threadsafe_function(env_, on_mail, nullptr, name, 0, 1, nullptr, nullptr, this, OnWake,
                                        &wakes_) != napi_ok) {
      return false;
    }
    // After that, so that it runs before the function goes.
    return napi_unref_threadsafe_function(env_, wakes_) == napi_ok &&
           napi_add_env_cleanup_hook(env_, OnEnd, this) == napi_ok;
  }

  // Whether the event loop goes on although nothing but mail is waited for.
  void KeepAwake(bool on) {
    if (wakes_ == nullptr) return;
    (void)(on ? napi_ref_threadsafe_function(env_, wakes_) : napi_unref_threadsafe_function(env_, wakes_));
  }

  // By any thread that has something for a connection of this environment, and so holds a lock that the
  // connection needs to end.
  void Wake() override {
    if (!pending_.exchange(true)) (void)napi_call_threadsafe_function(wakes_, nullptr, napi_tsfn_nonblocking);
  }

  void Unhold() {
    if (--holders_ == 0) delete this;
  }

 private:
  ~SharedEnvironment() = default;

  static void OnWake(napi_env env, napi_value on_mail, void* context, void*) {
    if (env == nullptr) return;
    static_cast<SharedEnvironment*>(context)->pending_.store(false);
    napi_value undefined = nullptr;
    if (napi_get_undefined(env, &undefined) == napi_ok)
      (void)napi_call_function(env, undefined, on_mail, 0, nullptr, nullptr);
  }

  static void OnEnd(void* data) {
    auto* self = static_cast<SharedEnvironment*>(data);
    for (SharedBox* box : self->boxes_) {
      if (box != nullptr) box->Disconnect();
    }
    (void)napi_release_threadsafe_function(self->wakes_, napi_tsfn_abort);
    self->wakes_ = nullptr;
  }

  napi_env const env_;
  double* const numbers_;
  std::vector<SharedBox*> boxes_;
  napi_threadsafe_function wakes_ = nullptr;
  std::atomic<bool> pending_ = false;
  uint32_t holders_ = 1;  // The environment itself and each box.
};

// The connection and the numbers of a call.
class SharedCall {
 public:
  explicit SharedCall(const SharedEnvironment& environment)
      : numbers_(environment.numbers() + 1), box_(environment.Find(environment.numbers()[0])) {}

  SharedBox* box() const { return box_; }
  // nullptr before `open` and after `dispose`.
  Connection* connection() const { return box_ == nullptr ? nullptr : box_->connection.get(); }

  double operator[](size_t i) const { return numbers_[i]; }
  uint32_t Unsigned(size_t i) const {
    return numbers_[i] >= 0 && numbers_[i] <= UINT32_MAX ? static_cast<uint32_t>(numbers_[i]) : UINT32_MAX;
  }

  // The bytes whose place and number these are; none that are outside the buffer.
  std::string_view At(size_t at, size_t length) const {
    if (uint64_t{Unsigned(at)} + Unsigned(length) > box_->outlet.capacity) return {};
    return {reinterpret_cast<const char*>(box_->outlet.buffer) + Unsigned(at), Unsigned(length)};
  }
  // The string at the buffer's beginning, of a call that takes one.
  Name text() const { return {box_->outlet.buffer, 2 * units, TIERCEL_UTF16}; }
  SharedValue value() const {
    const std::string_view value = At(1, 2);
    SharedValue in;
    in.data = reinterpret_cast<const uint8_t*>(value.data());
    in.bytes = static_cast<uint32_t>(value.size());
    in.format = Unsigned(3);
    in.ttl = numbers_[5];
    in.stale = numbers_[6];
    in.names = At(7, 8);
    in.flags = Unsigned(9);
    return in;
  }
  uint32_t units = 0;

 private:
  const double* numbers_;
  SharedBox* box_;
};

inline SharedEnvironment* EnvironmentOf(napi_env env, napi_callback_info info, napi_value* value) {
  size_t given = value == nullptr ? 0 : 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, value, nullptr, &data);
  return static_cast<SharedEnvironment*>(data);
}

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_SHARED_ENVIRONMENT_H_
