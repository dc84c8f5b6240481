// The Node addon: the calls of tiercel/abi.h as JavaScript functions of numbers, bound to one engine.
//
// A function carries its engine as the data that it was created with, so it has no receiver that could be
// wrong. All functions of an engine share a Box; it is freed when the last of them was collected, and at the
// end of the environment (a worker that is terminated included) at the latest. `dispose` frees the engine
// earlier, after which every call answers TIERCEL_BAD_HANDLE.
//
// The buffer is memory of an ArrayBuffer of JavaScript's: inputs lie in it, at offsets, and what the core
// gives out as a pointer is copied to its beginning and its place left in the registers, or -1 if it does
// not fit. js/src/engine/port.ts is the other side.
#include <napi.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "tiercel/abi.h"

namespace {

struct Box {
  TiercelEngine* engine = nullptr;
  double* registers = nullptr;  // Memory of `registers_ref`.
  uint8_t* buffer = nullptr;    // Memory of `buffer_ref`.
  uint32_t capacity = 0;        // Of the buffer, in bytes.
  napi_ref registers_ref = nullptr;
  napi_ref buffer_ref = nullptr;
  uint32_t functions = 0;  // Alive; each holds the box.
};

void Unhold(napi_env env, void* data, void*) {
  Box* box = static_cast<Box*>(data);
  if (--box->functions != 0) return;
  tiercel_engine_delete(box->engine);
  if (box->registers_ref != nullptr) napi_delete_reference(env, box->registers_ref);
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  delete box;
}

constexpr size_t kMostArguments = 12;

// The numbers that a function was called with.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info, size_t count) : env_(env) {
    napi_value values[kMostArguments];
    size_t given = kMostArguments;
    void* data = nullptr;
    napi_get_cb_info(env, info, &given, values, nullptr, &data);
    box_ = static_cast<Box*>(data);
    ok_ = given >= count;
    for (size_t i = 0; ok_ && i < count; i++)
      ok_ = napi_get_value_double(env, values[i], &numbers_[i]) == napi_ok;
    if (!ok_) napi_throw_type_error(env, "ERR_TIERCEL_INVALID_ARGUMENT", "the engine takes numbers");
  }

  bool ok() const { return ok_; }
  Box* box() const { return box_; }
  double operator[](size_t i) const { return numbers_[i]; }
  uint32_t Unsigned(size_t i) const {
    return numbers_[i] >= 0 && numbers_[i] <= UINT32_MAX ? static_cast<uint32_t>(numbers_[i]) : UINT32_MAX;
  }
  int32_t Signed(size_t i) const {
    return std::abs(numbers_[i]) <= INT32_MAX ? static_cast<int32_t>(numbers_[i]) : -1;
  }

  // Whether the buffer has `length` bytes at `at`.
  bool Holds(uint32_t at, uint32_t length) const { return uint64_t{at} + length <= box_->capacity; }

  napi_value Return(double result) const {
    napi_value value = nullptr;
    const int32_t integer = std::abs(result) <= INT32_MAX ? static_cast<int32_t>(result) : 0;
    if (integer == result) {
      napi_create_int32(env_, integer, &value);
    } else {
      napi_create_double(env_, result, &value);
    }
    return value;
  }

 private:
  napi_env env_;
  Box* box_ = nullptr;
  double numbers_[kMostArguments] = {};
  bool ok_ = false;
};

// ---- What the core gives out, copied to where JavaScript can read it

// Copies what registers[address] points to, registers[length] bytes, to offset `at`. Returns where it ends.
uint32_t CopyOut(Box* box, TiercelRegister address, TiercelRegister length, uint32_t at) {
  const auto* from = reinterpret_cast<const uint8_t*>(static_cast<uintptr_t>(box->registers[address]));
  const uint32_t bytes = static_cast<uint32_t>(box->registers[length]);
  if (uint64_t{at} + bytes > box->capacity) {
    box->registers[address] = -1;
    return at;
  }
  if (bytes != 0) std::memcpy(box->buffer + at, from, bytes);
  box->registers[address] = at;
  return (at + bytes + 7) & ~7U;
}

// Before a call that may leave addresses: so that none is left over from an earlier one.
void ForgetAddresses(Box* box) {
  box->registers[TIERCEL_R_VALUE] = box->registers[TIERCEL_R_VALUE_LENGTH] = 0;
  box->registers[TIERCEL_R_KEY] = box->registers[TIERCEL_R_KEY_LENGTH] = 0;
}

double WithAddresses(Box* box, double result) {
  if (result < 0) {
    ForgetAddresses(box);
    return result;
  }
  const uint32_t end = CopyOut(box, TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH, 0);
  CopyOut(box, TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH, end);
  return result;
}

// ---- The calls

// A function whose arguments are the numbers that `call` takes after the box.
template <size_t kCount, double (*kCall)(Box*, const Arguments&)>
napi_value Call(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info, kCount);
  return arguments.ok() ? arguments.Return(kCall(arguments.box(), arguments)) : nullptr;
}

// A function whose second and third arguments are length and encoding of a string at the buffer's beginning.
template <size_t kCount, double (*kCall)(Box*, const Arguments&)>
double WithString(Box* box, const Arguments& a) {
  return a.Holds(0, a.Unsigned(1)) ? kCall(box, a) : double{TIERCEL_BAD_ARGUMENT};
}

double Resize(Box* box, const Arguments& a) { return tiercel_cache_resize(box->engine, a[0], a[1], a[2]); }
double Watch(Box* box, const Arguments& a) { return tiercel_cache_watch(box->engine, a[0], a.Unsigned(1)); }
double Stats(Box* box, const Arguments& a) { return tiercel_cache_stats(box->engine, a[0], a.Unsigned(1)); }
double Clear(Box* box, const Arguments& a) { return tiercel_clear(box->engine, a[0], a[1]); }
double Size(Box* box, const Arguments& a) { return tiercel_size(box->engine, a[0]); }
double Iterate(Box* box, const Arguments& a) { return tiercel_iterate(box->engine, a[0]); }
double LoadEnd(Box* box, const Arguments& a) { return tiercel_load_end(box->engine, a[0]); }
double RemovalsClear(Box* box, const Arguments& a) { return tiercel_removals_clear(box->engine, a[0]); }

double Namespace(Box* box, const Arguments& a) {
  return tiercel_namespace(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2));
}

double Get(Box* box, const Arguments& a) {
  box->registers[TIERCEL_R_VALUE] = 0;
  const int32_t slot =
      tiercel_get(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2), a[3], a.Unsigned(4));
  if (slot >= 0 && box->registers[TIERCEL_R_VALUE] != 0) {
    CopyOut(box, TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH, 0);
  }
  return slot;
}

double Set(Box* box, const Arguments& a) {
  const uint32_t value = a.Unsigned(3);
  const uint32_t tags = a.Unsigned(9);
  if (!a.Holds(value, a.Unsigned(4)) || !a.Holds(tags, a.Unsigned(10))) return TIERCEL_BAD_ARGUMENT;
  return tiercel_set(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2), box->buffer + value,
                     a.Unsigned(4), a.Unsigned(5), a[6], a[7], a[8], box->buffer + tags, a.Unsigned(10),
                     a[11]);
}

double Delete(Box* box, const Arguments& a) {
  return tiercel_delete(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2), a[3]);
}

double Touch(Box* box, const Arguments& a) {
  return tiercel_touch(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2), a[3], a[4]);
}

double InvalidateTags(Box* box, const Arguments& a) {
  return tiercel_invalidate_tags(box->engine, a[0], box->buffer, a.Unsigned(1), a[2]);
}

double Tags(Box* box, const Arguments& a) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_tags(box->engine, a[0], a.Signed(1)));
}

double Value(Box* box, const Arguments& a) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_value(box->engine, a[0], a.Signed(1)));
}

double Next(Box* box, const Arguments& a) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_next(box->engine, a[0], a.Signed(1), a[2], a[3]));
}

double Removal(Box* box, const Arguments& a) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_removal(box->engine, a[0], a.Unsigned(1)));
}

double LoadBegin(Box* box, const Arguments& a) {
  return tiercel_load_begin(box->engine, a[0], box->buffer, a.Unsigned(1), a.Unsigned(2));
}

double LoadTags(Box* box, const Arguments& a) {
  return tiercel_load_tags(box->engine, a[0], box->buffer, a.Unsigned(1));
}

double LoadCommit(Box* box, const Arguments& a) {
  const uint32_t value = a.Unsigned(1);
  const uint32_t tags = a.Unsigned(7);
  if (!a.Holds(value, a.Unsigned(2)) || !a.Holds(tags, a.Unsigned(8))) return TIERCEL_BAD_ARGUMENT;
  return tiercel_load_commit(box->engine, a[0], box->buffer + value, a.Unsigned(2), a.Unsigned(3), a[4], a[5],
                             a[6], box->buffer + tags, a.Unsigned(8), a[9], a.Unsigned(10));
}

// ---- The calls that take or return more than numbers

napi_value Open(napi_env env, napi_callback_info info) {
  napi_value value = nullptr;
  size_t given = 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, &value, nullptr, &data);
  const std::string options = Napi::Value(env, value).ToString().Utf8Value();
  const double root = tiercel_cache_open(static_cast<Box*>(data)->engine, options.data(),
                                         static_cast<uint32_t>(options.size()));
  return Napi::Number::New(env, root);
}

napi_value Seed(napi_env env, napi_callback_info info) {
  napi_value values[2];
  size_t given = 2;
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, values, nullptr, &data);
  double ns = 0;
  size_t length = 0;
  void* seed = nullptr;
  if (given < 2 || napi_get_value_double(env, values[0], &ns) != napi_ok ||
      napi_get_typedarray_info(env, values[1], nullptr, &length, &seed, nullptr, nullptr) != napi_ok ||
      length != TIERCEL_SEED_BYTES) {
    return Napi::Number::New(env, TIERCEL_BAD_ARGUMENT);
  }
  Box* box = static_cast<Box*>(data);
  return Napi::Number::New(env, tiercel_cache_seed(box->engine, ns, static_cast<const uint8_t*>(seed)));
}

napi_value Message(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  TiercelEngine* engine = static_cast<Box*>(data)->engine;
  return Napi::String::New(env, tiercel_message(engine), tiercel_message_length(engine));
}

napi_value Reserve(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info, 1);
  if (!arguments.ok()) return nullptr;
  Box* box = arguments.box();
  const uint32_t bytes = arguments.Unsigned(0);
  napi_value buffer = nullptr;
  void* memory = nullptr;
  napi_ref reference = nullptr;
  // Refused by V8 past its limit, with an exception pending.
  if (napi_create_arraybuffer(env, bytes, &memory, &buffer) != napi_ok ||
      napi_create_reference(env, buffer, 1, &reference) != napi_ok) {
    return nullptr;
  }
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = reference;
  box->buffer = static_cast<uint8_t*>(memory);
  box->capacity = bytes;
  return buffer;
}

napi_value Dispose(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Box* box = static_cast<Box*>(data);
  tiercel_engine_delete(box->engine);
  box->engine = nullptr;
  if (box->buffer_ref != nullptr) napi_delete_reference(env, box->buffer_ref);
  box->buffer_ref = nullptr;
  box->buffer = nullptr;
  box->capacity = 0;
  return nullptr;
}

struct Named {
  const char* name;
  napi_callback call;
};

constexpr Named kCalls[] = {
    {"open", Open},
    {"seed", Seed},
    {"message", Message},
    {"reserve", Reserve},
    {"dispose", Dispose},
    {"resize", Call<3, Resize>},
    {"watch", Call<2, Watch>},
    {"stats", Call<2, Stats>},
    {"namespace", Call<3, WithString<3, Namespace>>},
    {"clear", Call<2, Clear>},
    {"size", Call<1, Size>},
    {"get", Call<5, WithString<5, Get>>},
    {"set", Call<12, WithString<12, Set>>},
    {"delete", Call<4, WithString<4, Delete>>},
    {"touch", Call<5, WithString<5, Touch>>},
    {"invalidateTags", Call<3, WithString<3, InvalidateTags>>},
    {"tags", Call<2, Tags>},
    {"value", Call<2, Value>},
    {"iterate", Call<1, Iterate>},
    {"next", Call<4, Next>},
    {"loadBegin", Call<3, WithString<3, LoadBegin>>},
    {"loadTags", Call<2, WithString<2, LoadTags>>},
    {"loadCommit", Call<11, LoadCommit>},
    {"loadEnd", Call<1, LoadEnd>},
    {"removal", Call<2, Removal>},
    {"removalsClear", Call<1, RemovalsClear>},
};

// createEngine(registers: Float64Array): an object with the calls above.
Napi::Value CreateEngine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsTypedArray() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array ||
      info[0].As<Napi::TypedArray>().ElementLength() < TIERCEL_REGISTERS) {
    Napi::TypeError::New(env, "createEngine takes a Float64Array of the registers")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Box* box = new Box();
  box->functions = 1;  // Ours, until the functions are made.
  box->registers = info[0].As<Napi::Float64Array>().Data();
  box->engine = tiercel_engine_new(box->registers);
  napi_create_reference(env, info[0], 1, &box->registers_ref);
  Napi::Object engine = Napi::Object::New(env);
  bool ok = box->engine != nullptr && box->registers_ref != nullptr;
  for (const Named& named : kCalls) {
    napi_value function = nullptr;
    ok = ok && napi_create_function(env, named.name, NAPI_AUTO_LENGTH, named.call, box, &function) == napi_ok;
    ok = ok && napi_add_finalizer(env, function, box, Unhold, nullptr, nullptr) == napi_ok;
    if (!ok) break;
    box->functions++;
    engine.Set(named.name, Napi::Value(env, function));
  }
  Unhold(env, box, nullptr);
  if (!ok) Napi::Error::New(env, "no memory for an engine").ThrowAsJavaScriptException();
  return engine;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("abiVersion", Napi::Number::New(env, tiercel_abi_version()));
  exports.Set("createEngine", Napi::Function::New(env, CreateEngine, "createEngine"));
  return exports;
}

}  // namespace

NODE_API_MODULE(tiercel, Init)
