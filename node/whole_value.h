// Values that are too long for the buffer: given out whole, in one copy.
#ifndef TIERCEL_NODE_WHOLE_VALUE_H_
#define TIERCEL_NODE_WHOLE_VALUE_H_

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tiercel::node {

// What it is: 0 and 1 as TiercelEncoding. js/src/engine/port.ts has it too.
enum WholeKind : uint32_t { kWholeLatin1, kWholeUtf16, kWholeBytes };

// Makes an ArrayBuffer, or returns nullptr with no exception pending: V8 refuses one past its limit.
inline napi_value NewArrayBuffer(napi_env env, size_t bytes, void** memory) {
  napi_value buffer = nullptr;
  if (napi_create_arraybuffer(env, bytes, memory, &buffer) == napi_ok) return buffer;
  napi_value exception = nullptr;
  napi_get_and_clear_last_exception(env, &exception);
  return nullptr;
}

// A string, or an ArrayBuffer of its own; nullptr if it could not be made.
inline napi_value WholeValue(napi_env env, uint32_t kind, const uint8_t* from, size_t bytes) {
  napi_value value = nullptr;
  if (kind == kWholeBytes) {
    void* memory = nullptr;
    value = NewArrayBuffer(env, bytes, &memory);
    if (value != nullptr && bytes != 0) std::memcpy(memory, from, bytes);
    return value;
  }
  const bool is_even = (reinterpret_cast<uintptr_t>(from) & 1) == 0;
  const napi_status status =
      kind == kWholeLatin1
          ? napi_create_string_latin1(env, reinterpret_cast<const char*>(from), bytes, &value)
      : is_even ? napi_create_string_utf16(env, reinterpret_cast<const char16_t*>(from), bytes / 2, &value)
                : napi_invalid_arg;
  return status == napi_ok ? value : nullptr;
}

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_WHOLE_VALUE_H_
