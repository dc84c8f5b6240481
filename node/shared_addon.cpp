// Shared caches as functions for JavaScript. As in addon.cpp the functions are those of an environment (the
// main thread, a worker), the numbers of a call lie in an array, the first of them the number of the
// connection, and the one argument there may be is a string.
//
// A connection ends by `dispose`, with the object that createEngine gave for it, or with its environment: a
// hook ends all of them before anything else of the environment goes, so that those who wait for a load of
// this thread are told at once, and nobody tells this thread anything after.
#include "shared_addon.h"

#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "box.h"
#include "calls.h"
#include "shared_environment.h"
#include "whole_value.h"

namespace tiercel::node {
namespace {

// ---- The calls that take or return more than numbers and a string

// The parts of a text, each ended by a NUL.
std::vector<std::string> PartsOf(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\0', at);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// open(parts): name, description, seed in hexadecimal, 1 if all go by the caller's clock, the options of a
// cache without entries, and those of each shard. The number of the root namespace, or a status.
napi_value Open(napi_env env, napi_callback_info info) {
  napi_value value = nullptr;
  const SharedEnvironment* environment = EnvironmentOf(env, info, &value);
  SharedBox* const box = SharedCall(*environment).box();
  size_t length = 0;
  if (box == nullptr || box->connection != nullptr ||
      napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    return Number(env, kBadHandle);
  }
  std::string text(length + 1, '\0');
  napi_get_value_string_utf8(env, value, text.data(), text.size(), &length);
  text.resize(length);
  const std::vector<std::string> parts = PartsOf(text);
  constexpr size_t kBeforeShards = 5;
  const size_t shards = parts.size() < kBeforeShards ? 0 : parts.size() - kBeforeShards;
  if (shards == 0 || shards > SharedCache::kMaxShards || parts[2].size() != size_t{2} * TIERCEL_SEED_BYTES) {
    return Number(env, kBadArgument);
  }
  SharedOptions options;
  const auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  for (size_t i = 0; i < TIERCEL_SEED_BYTES; i++) {
    options.seed[i] = static_cast<uint8_t>(digit(parts[2][2 * i]) << 4 | digit(parts[2][2 * i + 1]));
  }
  options.own_clock = parts[3] == "1";
  options.solo = parts[4];
  options.shards.assign(std::next(parts.begin(), kBeforeShards), parts.end());
  box->message.clear();
  switch (Registry::Process().Open(parts[0], parts[1], options, &box->cache, &box->message)) {
    case Registry::Opened::kYes:
      break;
    case Registry::Opened::kOtherOptions:
      return Number(env, kRejected);
    case Registry::Opened::kRefused:
      return Number(env, TIERCEL_BAD_OPTION);
    case Registry::Opened::kOutOfMemory:
      return Number(env, kNoMemory);
  }
  box->connection = std::make_unique<Connection>(box->cache, const_cast<SharedEnvironment*>(environment));
  box->connection->outlet = box->outlet;
  return Number(env, box->connection->root());
}

napi_value Message(napi_env env, napi_callback_info info) {
  const SharedBox* const box = SharedCall(*EnvironmentOf(env, info, nullptr)).box();
  const std::string none;
  const std::string& message = box == nullptr               ? none
                               : box->connection == nullptr ? box->message
                                                            : box->connection->message();
  napi_value text = nullptr;
  napi_create_string_utf8(env, message.data(), message.size(), &text);
  return text;
}

napi_value TakeValue(napi_env env, napi_callback_info info) {
  const SharedCall call(*EnvironmentOf(env, info, nullptr));
  if (call.connection() == nullptr) return nullptr;
  const std::string_view value = call.connection()->Spilled();
  napi_value whole =
      WholeValue(env, call.Unsigned(0), reinterpret_cast<const uint8_t*>(value.data()), value.size());
  call.connection()->DropSpilled();
  return whole;
}

napi_value Reserve(napi_env env, napi_callback_info info) {
  const SharedCall call(*EnvironmentOf(env, info, nullptr));
  SharedBox* const box = call.box();
  if (box == nullptr) return nullptr;
  const uint32_t bytes = call.Unsigned(0);
  void* memory = nullptr;
  napi_value buffer = NewArrayBuffer(env, bytes, &memory);
  napi_ref reference = nullptr;
  if (buffer == nullptr || napi_create_reference(env, buffer, 1, &reference) != napi_ok) return nullptr;
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = reference;
  box->outlet.buffer = static_cast<uint8_t*>(memory);
  box->outlet.capacity = bytes;
  if (box->connection != nullptr) box->connection->outlet = box->outlet;
  return buffer;
}

napi_value Dispose(napi_env env, napi_callback_info info) {
  SharedBox* const box = SharedCall(*EnvironmentOf(env, info, nullptr)).box();
  if (box == nullptr) return nullptr;
  box->Disconnect();
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = nullptr;
  box->outlet.buffer = nullptr;
  box->outlet.capacity = 0;
  return nullptr;
}

napi_value SnapshotEnd(napi_env env, napi_callback_info info) {
  SharedBox* const box = SharedCall(*EnvironmentOf(env, info, nullptr)).box();
  if (box == nullptr) return Number(env, kBadHandle);
  const auto* from = reinterpret_cast<const uint8_t*>(box->snapshot.data());
  napi_value snapshot = WholeValue(env, kWholeBytes, from, box->snapshot.size());
  return snapshot == nullptr ? Number(env, kNoMemory) : snapshot;
}

napi_value RestoreBegin(napi_env env, napi_callback_info info) {
  napi_value value = nullptr;
  const SharedCall call(*EnvironmentOf(env, info, &value));
  napi_typedarray_type type = napi_int8_array;
  size_t bytes = 0;
  void* snapshot = nullptr;
  if (call.connection() == nullptr ||
      napi_get_typedarray_info(env, value, &type, &bytes, &snapshot, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || bytes > UINT32_MAX) {
    return Number(env, kBadArgument);
  }
  const double restored =
      call.connection()->Restore({static_cast<const char*>(snapshot), bytes}, call[1], call[2]);
  call.box()->restored = restored;
  return Number(env, restored < 0 ? restored : kOk);
}

// ---- Environments and connections

void FreeBox(napi_env env, void* data, void* hint) {
  auto* box = static_cast<SharedBox*>(data);
  box->Disconnect();
  if (box->registers_ref != nullptr) napi_delete_reference(env, box->registers_ref);
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  static_cast<SharedEnvironment*>(hint)->Remove(box);
  delete box;
}

// createEngine(registers: Float64Array): an object with the number of the connection, which it keeps alive.
napi_value CreateEngine(napi_env env, napi_callback_info info) {
  napi_value given = nullptr;
  SharedEnvironment* const environment = EnvironmentOf(env, info, &given);
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* registers = nullptr;
  if (napi_get_typedarray_info(env, given, &type, &length, &registers, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < TIERCEL_REGISTERS) {
    napi_throw_type_error(env, "ERR_TIERCEL_INVALID_ARGUMENT",
                          "createEngine takes a Float64Array of the registers");
    return nullptr;
  }
  auto* box = new SharedBox();
  const size_t id = environment->Add(box);
  box->outlet.registers = static_cast<double*>(registers);
  napi_value engine = nullptr;
  if (napi_create_reference(env, given, 1, &box->registers_ref) != napi_ok ||
      napi_create_object(env, &engine) != napi_ok ||
      napi_set_named_property(env, engine, "id", Number(env, static_cast<double>(id))) != napi_ok ||
      napi_wrap(env, engine, box, FreeBox, environment, nullptr) != napi_ok) {
    FreeBox(env, box, environment);
    napi_throw_error(env, "ERR_TIERCEL_OUT_OF_MEMORY", "no memory for a connection");
    return nullptr;
  }
  return engine;
}

napi_value OnMail(napi_env env, napi_callback_info info) {
  napi_value callback = nullptr;
  SharedEnvironment* const environment = EnvironmentOf(env, info, &callback);
  if (!environment->Listen(callback))
    napi_throw_error(env, "ERR_TIERCEL_OUT_OF_MEMORY", "this thread cannot be told of what others do");
  return nullptr;
}

napi_value KeepAwake(napi_env env, napi_callback_info info) {
  SharedEnvironment* const environment = EnvironmentOf(env, info, nullptr);
  environment->KeepAwake(environment->numbers()[1] != 0);
  return nullptr;
}

napi_value Now(napi_env env, napi_callback_info) { return Number(env, SharedCache::Clock()); }

// list(): the shared caches of the process, as JSON. Their names came as JSON.
napi_value List(napi_env env, napi_callback_info) {
  std::string json = "[";
  Registry::Process().ForEach(
      [&json](const std::string& name, uint32_t references, const SharedCache& cache) {
        if (json.size() != 1) json += ',';
        json += R"({"name":)" + name + R"(,"references":)" + std::to_string(references) + R"(,"shards":)" +
                std::to_string(cache.shard_count()) + R"(,"entries":)" +
                std::to_string(static_cast<uint64_t>(cache.entries())) + R"(,"bytes":)" +
                std::to_string(static_cast<uint64_t>(cache.bytes())) + "}";
      });
  json += "]";
  napi_value text = nullptr;
  napi_create_string_utf8(env, json.data(), json.size(), &text);
  return text;
}

constexpr Named kFunctions[] = {
    {"createEngine", CreateEngine},
    {"open", Open},
    {"message", Message},
    {"reserve", Reserve},
    {"takeValue", TakeValue},
    {"dispose", Dispose},
    {"snapshotEnd", SnapshotEnd},
    {"restoreBegin", RestoreBegin},
    {"onMail", OnMail},
    {"keepAwake", KeepAwake},
    {"now", Now},
    {"list", List},
};

}  // namespace

napi_value MakeShared(napi_env env, napi_value arguments, double* numbers) {
  napi_value shared = nullptr;
  bool ok = napi_create_object(env, &shared) == napi_ok;
  auto* environment = new SharedEnvironment(env, numbers);
  const auto unhold = [](void* data) { static_cast<SharedEnvironment*>(data)->Unhold(); };
  ok = ok && napi_add_env_cleanup_hook(env, unhold, environment) == napi_ok;
  const auto define = [&](const Named& named) {
    napi_value function = nullptr;
    ok = ok &&
         napi_create_function(env, named.name, NAPI_AUTO_LENGTH, named.call, environment, &function) ==
             napi_ok &&
         napi_set_named_property(env, shared, named.name, function) == napi_ok;
  };
  for (const Named& named : kFunctions) define(named);
  for (const Named& named : SharedCalls()) define(named);
  ok = ok && napi_set_named_property(env, shared, "arguments", arguments) == napi_ok &&
       napi_set_named_property(env, shared, "abiVersion", Number(env, tiercel_abi_version())) == napi_ok;
  return ok ? shared : nullptr;
}

}  // namespace tiercel::node
