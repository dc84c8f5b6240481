// An engine and what it shares with JavaScript, and how a call finds both.
#ifndef TIERCEL_NODE_BOX_H_
#define TIERCEL_NODE_BOX_H_

#include <node_api.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tiercel/abi.h"

namespace tiercel::node {

constexpr uint32_t kNumbers = 32;

// An engine and what it shares with JavaScript.
struct Box {
  TiercelEngine* engine = nullptr;
  double* registers = nullptr;  // Memory of `registers_ref`.
  uint8_t* buffer = nullptr;    // Memory of `buffer_ref`.
  uint32_t capacity = 0;        // Of the buffer, in bytes.
  napi_ref registers_ref = nullptr;
  napi_ref buffer_ref = nullptr;
  // What the last call gave out, for a second try.
  const uint8_t* key_out = nullptr;
  const uint8_t* value_out = nullptr;
};

// All engines of an environment, by number, and the numbers of the call that is being made.
struct Environment {
  double* numbers = nullptr;  // Memory of an array that lives as long as the environment.
  std::vector<Box*> boxes;
  uint32_t holders = 1;  // The environment itself and each box: what is freed last frees this.
};

inline void Unhold(Environment* environment) {
  if (--environment->holders == 0) delete environment;
}

// The engine and the numbers of a call.
class Call {
 public:
  explicit Call(const Environment& environment) : numbers_(environment.numbers + 1) {
    const double id = environment.numbers[0];
    if (id >= 0 && id < static_cast<double>(environment.boxes.size()))
      box_ = environment.boxes[static_cast<size_t>(id)];
  }

  Box* box() const { return box_; }
  // How many units the string at the buffer's beginning has, for calls that take one.
  uint32_t units = 0;
  uint32_t bytes() const { return 2 * units; }

  double operator[](size_t i) const { return numbers_[i]; }
  uint32_t Unsigned(size_t i) const {
    return numbers_[i] >= 0 && numbers_[i] <= UINT32_MAX ? static_cast<uint32_t>(numbers_[i]) : UINT32_MAX;
  }
  int32_t Signed(size_t i) const {
    return std::abs(numbers_[i]) <= INT32_MAX ? static_cast<int32_t>(numbers_[i]) : -1;
  }

  // Whether the buffer has the bytes whose place and number these are.
  bool Holds(size_t at, size_t length) const {
    return uint64_t{Unsigned(at)} + Unsigned(length) <= box_->capacity;
  }
  const uint8_t* At(size_t i) const { return box_->buffer + Unsigned(i); }

 private:
  const double* numbers_;
  Box* box_ = nullptr;
};

// Leaves what a call results in where JavaScript reads it, in place of the engine's number: a value of its
// own would cost three calls into Node.
inline napi_value Result(double* numbers, double result) {
  numbers[0] = result;
  return nullptr;
}

inline napi_value Number(napi_env env, double number) {
  napi_value value = nullptr;
  const int32_t integer = std::abs(number) <= INT32_MAX ? static_cast<int32_t>(number) : 0;
  if (integer == number) {
    napi_create_int32(env, integer, &value);
  } else {
    napi_create_double(env, number, &value);
  }
  return value;
}

// ---- What the core gives out, copied to where JavaScript can read it

// Copies `from`, registers[length] bytes, to offset `at`. Returns where it ends.
inline uint32_t CopyOut(Box* box, const uint8_t* from, TiercelRegister address, TiercelRegister length,
                        uint32_t at) {
  const uint32_t bytes = static_cast<uint32_t>(box->registers[length]);
  if (uint64_t{at} + bytes > box->capacity) {
    box->registers[address] = -1;
    return at;
  }
  if (bytes != 0) std::memcpy(box->buffer + at, from, bytes);
  box->registers[address] = at;
  return (at + bytes + 7) & ~7U;
}

inline void CopyOut(Box* box) {
  const uint32_t end = CopyOut(box, box->key_out, TIERCEL_R_KEY, TIERCEL_R_KEY_LENGTH, 0);
  CopyOut(box, box->value_out, TIERCEL_R_VALUE, TIERCEL_R_VALUE_LENGTH, end);
}

// Before a call that may leave addresses: so that none is left over from an earlier one.
inline void ForgetAddresses(Box* box) {
  box->registers[TIERCEL_R_VALUE] = box->registers[TIERCEL_R_VALUE_LENGTH] = 0;
  box->registers[TIERCEL_R_KEY] = box->registers[TIERCEL_R_KEY_LENGTH] = 0;
}

inline const uint8_t* AddressIn(const Box* box, TiercelRegister address) {
  return reinterpret_cast<const uint8_t*>(static_cast<uintptr_t>(box->registers[address]));
}

inline double WithAddresses(Box* box, double result) {
  if (result < 0) {
    ForgetAddresses(box);
    return result;
  }
  box->key_out = AddressIn(box, TIERCEL_R_KEY);
  box->value_out = AddressIn(box, TIERCEL_R_VALUE);
  CopyOut(box);
  return result;
}

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_BOX_H_
