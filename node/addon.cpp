// The Node addon: the calls of tiercel/abi.h as JavaScript functions.
//
// The functions are made once for each environment (the main thread, a worker) and serve all its engines. The
// numbers that a call takes lie in an array that both sides see, first of all the number of the engine:
// reading them costs nothing, while each argument of a function costs a call into Node. The one argument
// there may be is a string, which is copied to the beginning of the engine's buffer. What a call results in
// is left in place of the engine's number.
//
// An engine is freed by `dispose`, with the object that createEngine gave for it, or with the environment.
//
// The buffer is memory of an ArrayBuffer of JavaScript's: inputs lie in it, at offsets, and what the core
// gives out as a pointer is copied to its beginning and its place left in the registers, or -1 if it does
// not fit: then `takeValue` makes a string or an ArrayBuffer of the value, or `refetch`, after `reserve`,
// copies all again. js/src/engine/native.ts is the other side.
#include <napi.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "box.h"
#include "calls.h"
#include "shared_addon.h"
#include "tiercel/abi.h"
#include "whole_value.h"

namespace tiercel::node {
namespace {

// ---- The calls that take or return more than numbers and a string

// The box of the call and the value it was given, which is undefined if there was none.
Box* BoxOf(napi_env env, napi_callback_info info, const Environment** environment, napi_value* value) {
  size_t given = 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, value, nullptr, &data);
  *environment = static_cast<Environment*>(data);
  return Call(**environment).box();
}

napi_value Open(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return Number(env, TIERCEL_BAD_HANDLE);
  const std::string options = Napi::Value(env, value).ToString().Utf8Value();
  return Number(env, tiercel_cache_open(box->engine, options.data(), static_cast<uint32_t>(options.size())));
}

napi_value Seed(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  size_t length = 0;
  void* seed = nullptr;
  if (box == nullptr ||
      napi_get_typedarray_info(env, value, nullptr, &length, &seed, nullptr, nullptr) != napi_ok ||
      length != TIERCEL_SEED_BYTES) {
    return Number(env, TIERCEL_BAD_ARGUMENT);
  }
  const double ns = Call(*environment)[0];
  return Number(env, tiercel_cache_seed(box->engine, ns, static_cast<const uint8_t*>(seed)));
}

napi_value Message(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  const Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return Napi::String::New(env, "");
  return Napi::String::New(env, tiercel_message(box->engine), tiercel_message_length(box->engine));
}

napi_value TakeValue(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  const Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return nullptr;
  const auto bytes = static_cast<size_t>(box->registers[TIERCEL_R_VALUE_LENGTH]);
  return WholeValue(env, Call(*environment).Unsigned(0), box->value_out, bytes);
}

napi_value Reserve(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return nullptr;
  const uint32_t bytes = Call(*environment).Unsigned(0);
  void* memory = nullptr;
  napi_value buffer = NewArrayBuffer(env, bytes, &memory);
  napi_ref reference = nullptr;
  if (buffer == nullptr || napi_create_reference(env, buffer, 1, &reference) != napi_ok) return nullptr;
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = reference;
  box->buffer = static_cast<uint8_t*>(memory);
  box->capacity = bytes;
  return buffer;
}

napi_value Dispose(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return nullptr;
  tiercel_engine_delete(box->engine);
  box->engine = nullptr;
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = nullptr;
  box->buffer = nullptr;
  box->capacity = 0;
  return nullptr;
}

// The snapshot in an ArrayBuffer of its own: it may be far larger than what a buffer is kept for.
napi_value SnapshotEnd(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  if (box == nullptr) return Number(env, TIERCEL_BAD_HANDLE);
  const int32_t status = tiercel_snapshot_end(box->engine, Call(*environment)[0]);
  if (status < 0) return Number(env, status);
  const uint8_t* from = AddressIn(box, TIERCEL_R_VALUE);
  const size_t bytes = static_cast<size_t>(box->registers[TIERCEL_R_VALUE_LENGTH]);
  ForgetAddresses(box);
  napi_value snapshot = WholeValue(env, kWholeBytes, from, bytes);
  return snapshot == nullptr ? Number(env, TIERCEL_NO_MEMORY) : snapshot;
}

napi_value RestoreBegin(napi_env env, napi_callback_info info) {
  const Environment* environment = nullptr;
  napi_value value = nullptr;
  Box* box = BoxOf(env, info, &environment, &value);
  napi_typedarray_type type = napi_int8_array;
  size_t bytes = 0;
  void* snapshot = nullptr;
  if (box == nullptr ||
      napi_get_typedarray_info(env, value, &type, &bytes, &snapshot, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || bytes > UINT32_MAX) {
    return Number(env, TIERCEL_BAD_ARGUMENT);
  }
  const Call call(*environment);
  return Number(env, tiercel_restore_begin(box->engine, call[0], static_cast<const uint8_t*>(snapshot),
                                           static_cast<uint32_t>(bytes), call[1], call[2]));
}

// ---- Environments and engines

void FreeBox(napi_env env, void* data, void* hint) {
  Box* box = static_cast<Box*>(data);
  Environment* environment = static_cast<Environment*>(hint);
  for (Box*& place : environment->boxes) {
    if (place == box) place = nullptr;
  }
  tiercel_engine_delete(box->engine);
  if (box->registers_ref != nullptr) napi_delete_reference(env, box->registers_ref);
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  delete box;
  Unhold(environment);
}

// createEngine(registers: Float64Array): an object with the number of the engine, which it keeps alive.
napi_value CreateEngine(napi_env env, napi_callback_info info) {
  napi_value given = nullptr;
  size_t count = 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, &given, nullptr, &data);
  Environment* environment = static_cast<Environment*>(data);
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* registers = nullptr;
  if (napi_get_typedarray_info(env, given, &type, &length, &registers, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < TIERCEL_REGISTERS) {
    napi_throw_type_error(env, "ERR_TIERCEL_INVALID_ARGUMENT",
                          "createEngine takes a Float64Array of the registers");
    return nullptr;
  }
  Box* box = new Box();
  environment->holders++;
  box->registers = static_cast<double*>(registers);
  box->engine = tiercel_engine_new(box->registers);
  size_t id = 0;
  while (id < environment->boxes.size() && environment->boxes[id] != nullptr) id++;
  if (id == environment->boxes.size()) environment->boxes.push_back(nullptr);
  environment->boxes[id] = box;
  napi_value engine = nullptr;
  if (box->engine == nullptr || napi_create_reference(env, given, 1, &box->registers_ref) != napi_ok ||
      napi_create_object(env, &engine) != napi_ok ||
      napi_set_named_property(env, engine, "id", Number(env, static_cast<double>(id))) != napi_ok ||
      napi_wrap(env, engine, box, FreeBox, environment, nullptr) != napi_ok) {
    FreeBox(env, box, environment);
    napi_throw_error(env, "ERR_TIERCEL_OUT_OF_MEMORY", "no memory for an engine");
    return nullptr;
  }
  return engine;
}

constexpr Named kFunctions[] = {
    {"createEngine", CreateEngine},
    {"open", Open},
    {"seed", Seed},
    {"message", Message},
    {"reserve", Reserve},
    {"takeValue", TakeValue},
    {"dispose", Dispose},
    {"snapshotEnd", SnapshotEnd},
    {"restoreBegin", RestoreBegin},
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Environment* environment = new Environment();
  Napi::Float64Array numbers = Napi::Float64Array::New(env, kNumbers);
  environment->numbers = numbers.Data();
  // Never deleted: it goes with the environment.
  napi_ref keeps_numbers = nullptr;
  bool ok = napi_create_reference(env, numbers, 1, &keeps_numbers) == napi_ok;
  const auto free = [](napi_env, void* data, void*) { Unhold(static_cast<Environment*>(data)); };
  ok = ok && napi_set_instance_data(env, environment, free, nullptr) == napi_ok;
  const auto define = [&](const Named& named) {
    napi_value function = nullptr;
    ok = ok && napi_create_function(env, named.name, NAPI_AUTO_LENGTH, named.call, environment, &function) ==
                   napi_ok;
    if (ok) exports.Set(named.name, Napi::Value(env, function));
  };
  for (const Named& named : kFunctions) define(named);
  for (const Named& named : Calls()) define(named);
  exports.Set("abiVersion", Napi::Number::New(env, tiercel_abi_version()));
  exports.Set("arguments", numbers);
  napi_value shared = MakeShared(env, numbers, numbers.Data());
  ok = ok && shared != nullptr;
  if (!ok) Napi::Error::New(env, "no memory for the addon").ThrowAsJavaScriptException();
  exports.Set("shared", Napi::Value(env, shared));
  return exports;
}

}  // namespace
}  // namespace tiercel::node

using tiercel::node::Init;

NODE_API_MODULE(tiercel, Init)
