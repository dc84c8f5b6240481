// Each call of tiercel/abi.h that takes numbers and at most one string, and leaves a number.
#include "calls.h"

#include "box.h"
#include "tiercel/abi.h"

namespace tiercel::node {
namespace {

// A function of numbers.
template <double (*kCall)(Box*, const Call&)>
napi_value OfNumbers(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const Environment& environment = *static_cast<Environment*>(data);
  const Call call(environment);
  return Result(environment.numbers,
                call.box() == nullptr ? double{TIERCEL_BAD_HANDLE} : kCall(call.box(), call));
}

// A function of numbers and a string.
template <double (*kCall)(Box*, const Call&)>
napi_value OfString(napi_env env, napi_callback_info info) {
  napi_value text = nullptr;
  size_t given = 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &given, &text, nullptr, &data);
  const Environment& environment = *static_cast<Environment*>(data);
  Call call(environment);
  Box* box = call.box();
  if (box == nullptr || box->engine == nullptr) return Result(environment.numbers, TIERCEL_BAD_HANDLE);
  size_t units = 0;
  const size_t room = box->capacity / 2;  // One of it for the NUL that is written, but not counted.
  if (napi_get_value_string_utf16(env, text, reinterpret_cast<char16_t*>(box->buffer), room, &units) !=
          napi_ok ||
      units + 1 >= room) {
    napi_throw_type_error(env, "ERR_TIERCEL_INVALID_ARGUMENT",
                          "the engine takes strings that fit its buffer");
    return nullptr;
  }
  call.units = static_cast<uint32_t>(units);
  return Result(environment.numbers, kCall(box, call));
}

double Resize(Box* box, const Call& c) { return tiercel_cache_resize(box->engine, c[0], c[1], c[2]); }
double Watch(Box* box, const Call& c) { return tiercel_cache_watch(box->engine, c[0], c.Unsigned(1)); }
double Stats(Box* box, const Call& c) { return tiercel_cache_stats(box->engine, c[0], c.Unsigned(1)); }
double Clear(Box* box, const Call& c) { return tiercel_clear(box->engine, c[0], c[1]); }
double Size(Box* box, const Call& c) { return tiercel_size(box->engine, c[0]); }
double Iterate(Box* box, const Call& c) { return tiercel_iterate(box->engine, c[0]); }
double LoadEnd(Box* box, const Call& c) { return tiercel_load_end(box->engine, c[0]); }
double RemovalsClear(Box* box, const Call& c) { return tiercel_removals_clear(box->engine, c[0]); }

double Namespace(Box* box, const Call& c) {
  return tiercel_namespace(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16);
}

double Get(Box* box, const Call& c) {
  box->registers[TIERCEL_R_VALUE] = 0;
  const int32_t slot =
      tiercel_get(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c[1], c.Unsigned(2));
  const bool gives_tags = (c.Unsigned(2) & TIERCEL_GET_TAGS) != 0;
  if (slot < 0 || (box->registers[TIERCEL_R_VALUE] == 0 && !gives_tags)) return slot;
  if (!gives_tags) box->registers[TIERCEL_R_KEY] = box->registers[TIERCEL_R_KEY_LENGTH] = 0;
  return WithAddresses(box, slot);
}

double Store(Box* box, const Call& c, TiercelEncoding encoding) {
  if (!c.Holds(1, 2) || !c.Holds(7, 8)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_set(box->engine, c[0], box->buffer, c.bytes(), encoding, c.At(1), c.Unsigned(2),
                     c.Unsigned(3), c[4], c[5], c[6], c.At(7), c.Unsigned(8), c.Unsigned(9), c[10]);
}
double Set(Box* box, const Call& c) { return Store(box, c, TIERCEL_UTF16); }
double SetMissed(Box* box, const Call& c) { return Store(box, c, TIERCEL_MISSED); }

double Delete(Box* box, const Call& c) {
  return tiercel_delete(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c[1]);
}

double Touch(Box* box, const Call& c) {
  return tiercel_touch(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c[1], c.Unsigned(2), c[3]);
}

double AddTags(Box* box, const Call& c) {
  if (!c.Holds(1, 2)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_add_tags(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c.At(1), c.Unsigned(2),
                          c[3]);
}

double Ttl(Box* box, const Call& c) {
  return tiercel_ttl(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c.Unsigned(1), c[2], c[3]);
}

double InvalidateTags(Box* box, const Call& c) {
  if (!c.Holds(1, 2)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_invalidate_tags(box->engine, c[0], c.At(1), c.Unsigned(2), c[3]);
}

double InvalidatePrefix(Box* box, const Call& c) {
  return tiercel_invalidate_prefix(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c[1]);
}

double InvalidatePattern(Box* box, const Call& c) {
  return tiercel_invalidate_pattern(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c[1]);
}

double Match(Box* box, const Call& c) {
  if (!c.Holds(1, 2)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_match(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16, c.At(1), c.Unsigned(2),
                       c.Unsigned(3));
}

double Sweep(Box* box, const Call& c) { return tiercel_sweep(box->engine, c[0], c.Unsigned(1), c[2]); }

double Next(Box* box, const Call& c) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_next(box->engine, c[0], c.Signed(1), c[2], c[3]));
}

double Removal(Box* box, const Call& c) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_removal(box->engine, c[0], c.Unsigned(1)));
}

double Refetch(Box* box, const Call&) {
  CopyOut(box);
  return TIERCEL_OK;
}

double LoadBegin(Box* box, const Call& c) {
  return tiercel_load_begin(box->engine, c[0], box->buffer, c.bytes(), TIERCEL_UTF16);
}

double LoadTags(Box* box, const Call& c) {
  if (!c.Holds(1, 2)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_load_tags(box->engine, c[0], c.At(1), c.Unsigned(2));
}

double LoadCommit(Box* box, const Call& c) {
  if (!c.Holds(1, 2) || !c.Holds(7, 8)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_load_commit(box->engine, c[0], c.At(1), c.Unsigned(2), c.Unsigned(3), c[4], c[5], c[6],
                             c.At(7), c.Unsigned(8), c.Unsigned(9), c[10], c.Unsigned(11));
}

double SnapshotBegin(Box* box, const Call& c) {
  return tiercel_snapshot_begin(box->engine, c[0], c[1], c[2]);
}

double SnapshotNext(Box* box, const Call& c) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_snapshot_next(box->engine, c[0], c.Signed(1), c[2]));
}

double SnapshotAdd(Box* box, const Call& c) {
  if (!c.Holds(2, 3)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_snapshot_add(box->engine, c[0], c.Signed(1), c.At(2), c.Unsigned(3), c.Unsigned(4), c[5]);
}

double SnapshotDrop(Box* box, const Call& c) { return tiercel_snapshot_drop(box->engine, c[0]); }

double RestoreNext(Box* box, const Call& c) {
  ForgetAddresses(box);
  return WithAddresses(box, tiercel_restore_next(box->engine, c[0], c[1]));
}

double FrameSeal(Box* box, const Call& c) {
  if (!c.Holds(0, 1)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_frame_seal(box->engine, box->buffer + c.Unsigned(0), c.Unsigned(1));
}

double FrameCheck(Box* box, const Call& c) {
  if (!c.Holds(0, 1) || !c.Holds(2, 3)) return TIERCEL_BAD_ARGUMENT;
  return tiercel_frame_check(box->engine, c.At(0), c.Unsigned(1), c.At(2), c.Unsigned(3));
}

constexpr Named kCalls[] = {
    {"refetch", OfNumbers<Refetch>},
    {"resize", OfNumbers<Resize>},
    {"watch", OfNumbers<Watch>},
    {"stats", OfNumbers<Stats>},
    {"namespace", OfString<Namespace>},
    {"clear", OfNumbers<Clear>},
    {"size", OfNumbers<Size>},
    {"get", OfString<Get>},
    {"set", OfString<Set>},
    {"setMissed", OfNumbers<SetMissed>},
    {"delete", OfString<Delete>},
    {"touch", OfString<Touch>},
    {"addTags", OfString<AddTags>},
    {"ttl", OfString<Ttl>},
    {"invalidatePrefix", OfString<InvalidatePrefix>},
    {"invalidatePattern", OfString<InvalidatePattern>},
    {"match", OfString<Match>},
    {"sweep", OfNumbers<Sweep>},
    {"invalidateTags", OfNumbers<InvalidateTags>},
    {"iterate", OfNumbers<Iterate>},
    {"next", OfNumbers<Next>},
    {"loadBegin", OfString<LoadBegin>},
    {"loadTags", OfNumbers<LoadTags>},
    {"loadCommit", OfNumbers<LoadCommit>},
    {"loadEnd", OfNumbers<LoadEnd>},
    {"snapshotBegin", OfNumbers<SnapshotBegin>},
    {"snapshotNext", OfNumbers<SnapshotNext>},
    {"snapshotAdd", OfNumbers<SnapshotAdd>},
    {"snapshotDrop", OfNumbers<SnapshotDrop>},
    {"restoreNext", OfNumbers<RestoreNext>},
    {"removal", OfNumbers<Removal>},
    {"removalsClear", OfNumbers<RemovalsClear>},
    {"frameSeal", OfNumbers<FrameSeal>},
    {"frameCheck", OfNumbers<FrameCheck>},
};

}  // namespace

std::span<const Named> Calls() { return kCalls; }

}  // namespace tiercel::node
