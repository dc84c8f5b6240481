// The calls of abi.h: each finds its cache and passes its arguments on.
#include "tiercel/abi.h"

#include <string>
#include <utility>

#include "cache.h"
#include "frame.h"
#include "handle.h"
#include "memory.h"
#include "options.h"

using tiercel::Cache;
using tiercel::HandleTable;
using tiercel::Incoming;

struct TiercelEngine {
  explicit TiercelEngine(double* caller_registers)
      : registers(caller_registers == nullptr ? own_registers : caller_registers) {}
  ~TiercelEngine() {
    for (Cache* cache : caches) tiercel::Delete(cache);
    tiercel::Free(buffer);
    tiercel::Free(message);
  }
  TiercelEngine(const TiercelEngine&) = delete;
  TiercelEngine& operator=(const TiercelEngine&) = delete;

  // `fault` has no characters that JSON escapes.
  void SayFault(const char* fault) { Say(std::string(R"({"code":"argument","message":")") + fault + "\"}"); }

  // False without memory: then the message is empty, and the status alone has to do.
  bool Say(const std::string& text) {
    tiercel::Free(message);
    message_length = 0;
    message = static_cast<char*>(tiercel::Allocate(text.size() + 1));
    if (message == nullptr) return false;
    std::memcpy(message, text.c_str(), text.size() + 1);
    message_length = static_cast<uint32_t>(text.size());
    return true;
  }

  double own_registers[TIERCEL_REGISTERS] = {};
  double* const registers;
  HandleTable handles;  // Outlives the caches, which close theirs.
  tiercel::Vector<Cache*> caches;
  uint8_t* buffer = nullptr;
  uint32_t buffer_bytes = 0;
  char* message = nullptr;
  uint32_t message_length = 0;
};

namespace {

// The buffer is kept up to this size; one that a large value needed goes with the next request.
constexpr uint32_t kBufferKept = 64 * 1024;

// Runs `call(cache, id)` on what the handle stands for, and says why if an argument was bad.
template <typename Call>
auto With(TiercelEngine* engine, HandleTable::Kind kind, double handle, Call call)
    -> decltype(call(static_cast<Cache*>(nullptr), uint32_t{})) {
  const HandleTable::Target* target = engine == nullptr ? nullptr : engine->handles.Find(handle, kind);
  if (target == nullptr) return TIERCEL_BAD_HANDLE;
  Cache* const cache = target->cache;
  const auto result = call(cache, target->id);
  if (result == int32_t{TIERCEL_BAD_ARGUMENT}) {
    engine->SayFault(cache->fault());
  }
  return result;
}

template <typename Call>
auto InNamespace(TiercelEngine* engine, double ns, Call call) {
  return With(engine, HandleTable::Kind::kNamespace, ns, call);
}

template <typename Call>
auto InLoad(TiercelEngine* engine, double load, Call call) {
  return With(engine, HandleTable::Kind::kLoad, load, call);
}

}  // namespace

extern "C" {

uint32_t tiercel_abi_version(void) { return TIERCEL_ABI_VERSION; }

TiercelEngine* tiercel_engine_new(double* registers) { return tiercel::New<TiercelEngine>(registers); }

void tiercel_engine_delete(TiercelEngine* engine) { tiercel::Delete(engine); }

double* tiercel_registers(TiercelEngine* engine) { return engine == nullptr ? nullptr : engine->registers; }

uint8_t* tiercel_buffer(TiercelEngine* engine, uint32_t bytes) {
  if (engine == nullptr) return nullptr;
  const uint32_t wanted = bytes < kBufferKept ? kBufferKept : bytes;
  if (engine->buffer_bytes == wanted) return engine->buffer;
  tiercel::Free(engine->buffer);
  engine->buffer = static_cast<uint8_t*>(tiercel::Allocate(wanted));
  engine->buffer_bytes = engine->buffer == nullptr ? 0 : wanted;
  return engine->buffer;
}

uint32_t tiercel_stripe(const uint8_t* seed, uint32_t parent, const uint8_t* text, uint32_t length,
                        uint32_t encoding) {
  if (seed == nullptr || (text == nullptr && length != 0)) return 0;
  return tiercel::StripeHash({tiercel::LoadLittleEndian64(seed), tiercel::LoadLittleEndian64(seed + 8)},
                             parent, {text, length, encoding == TIERCEL_UTF16});
}

const char* tiercel_message(TiercelEngine* engine) {
  return engine == nullptr || engine->message == nullptr ? "" : engine->message;
}

uint32_t tiercel_message_length(TiercelEngine* engine) {
  return engine == nullptr ? 0 : engine->message_length;
}

double tiercel_cache_open(TiercelEngine* engine, const char* options, uint32_t length) {
  if (engine == nullptr) return TIERCEL_BAD_HANDLE;
  if (options == nullptr) {
    engine->SayFault("options is NULL");
    return TIERCEL_BAD_ARGUMENT;
  }
  tiercel::Options parsed;
  std::string fault;
  if (!tiercel::ParseOptions(options, length, &parsed, &fault)) {
    engine->Say(fault);
    return fault.empty() ? TIERCEL_NO_MEMORY : TIERCEL_BAD_OPTION;
  }
  if (engine->handles.IsFull()) return TIERCEL_LIMIT;
  if (!engine->caches.Reserve(engine->caches.size() + 1)) return TIERCEL_NO_MEMORY;
  Cache* cache = Cache::Open(std::move(parsed), &engine->handles, engine->registers);
  if (cache == nullptr) return TIERCEL_NO_MEMORY;
  (void)engine->caches.Push(cache);  // Reserved above.
  return cache->root_handle();
}

int32_t tiercel_cache_close(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [engine](Cache* cache, uint32_t) {
    for (Cache*& open : engine->caches) {
      if (open != cache) continue;
      open = engine->caches.back();
      engine->caches.Pop();
      break;
    }
    tiercel::Delete(cache);
    return int32_t{TIERCEL_OK};
  });
}

int32_t tiercel_cache_seed(TiercelEngine* engine, double ns, const uint8_t* seed) {
  return InNamespace(engine, ns, [seed](Cache* cache, uint32_t) { return cache->Seed(seed); });
}

int32_t tiercel_cache_resize(TiercelEngine* engine, double ns, double max_entries, double max_bytes) {
  return InNamespace(engine, ns,
                     [=](Cache* cache, uint32_t) { return cache->Resize(max_entries, max_bytes); });
}

int32_t tiercel_cache_watch(TiercelEngine* engine, double ns, uint32_t on) {
  return InNamespace(engine, ns, [on](Cache* cache, uint32_t) { return cache->Watch(on != 0); });
}

int32_t tiercel_cache_stats(TiercelEngine* engine, double ns, uint32_t reset) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) {
    // Nothing is lost: what could not be told is not reset.
    if (!engine->Say(cache->Stats())) return int32_t{TIERCEL_NO_MEMORY};
    if (reset != 0) cache->ResetStats();
    return int32_t{TIERCEL_OK};
  });
}

double tiercel_namespace(TiercelEngine* engine, double ns, const uint8_t* part, uint32_t length,
                         uint32_t encoding) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->Namespace(scope, part, length, encoding);
  });
}

int32_t tiercel_namespace_path(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t scope) { return cache->NamespacePath(scope); });
}

double tiercel_clear(TiercelEngine* engine, double ns, double now) {
  return InNamespace(engine, ns, [now](Cache* cache, uint32_t scope) { return cache->Clear(scope, now); });
}

double tiercel_size(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t scope) { return cache->Size(scope); });
}

int32_t tiercel_get(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length, uint32_t encoding,
                    double now, uint32_t flags) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->Get(scope, key, length, encoding, now, flags);
  });
}

int32_t tiercel_set(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length, uint32_t encoding,
                    const uint8_t* value, uint32_t value_length, uint32_t format, double weight, double ttl,
                    double stale, const uint8_t* names, uint32_t names_length, uint32_t flags, double now) {
  const Incoming in = {value, value_length, format, weight, ttl, stale, names, names_length, flags};
  return InNamespace(engine, ns, [&](Cache* cache, uint32_t scope) {
    return cache->Set(scope, key, length, encoding, in, now);
  });
}

double tiercel_delete(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->Delete(scope, key, length, encoding, now);
  });
}

int32_t tiercel_touch(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double ttl, uint32_t mode, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->Touch(scope, key, length, encoding, ttl, mode, now);
  });
}

int32_t tiercel_add_tags(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                         uint32_t encoding, const uint8_t* tags, uint32_t tags_length, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->AddTags(scope, key, length, encoding, tags, tags_length, now);
  });
}

int32_t tiercel_names(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double since) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->NamesOf(scope, key, length, encoding, since);
  });
}

double tiercel_changed(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                       uint32_t encoding, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->ChangedElsewhere(scope, key, length, encoding, now);
  });
}

double tiercel_invalidate_prefix(TiercelEngine* engine, double ns, const uint8_t* prefix, uint32_t length,
                                 uint32_t encoding, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->InvalidatePrefix(scope, prefix, length, encoding, now);
  });
}

double tiercel_invalidate_pattern(TiercelEngine* engine, double ns, const uint8_t* pattern, uint32_t length,
                                  uint32_t encoding, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->InvalidatePattern(scope, pattern, length, encoding, now);
  });
}

int32_t tiercel_match(TiercelEngine* engine, double ns, const uint8_t* pattern, uint32_t length,
                      uint32_t encoding, const uint8_t* text, uint32_t text_length, uint32_t text_encoding) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) {
    return cache->Match(pattern, length, encoding, text, text_length, text_encoding);
  });
}

int32_t tiercel_sweep(TiercelEngine* engine, double ns, uint32_t most, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) { return cache->Sweep(most, now); });
}

double tiercel_ttl(TiercelEngine* engine, double ns, const uint8_t* type, uint32_t length, uint32_t encoding,
                   uint32_t flags, double modified, double hour) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) {
    return cache->Ttl(type, length, encoding, flags, modified, hour);
  });
}

double tiercel_invalidate_tags(TiercelEngine* engine, double ns, const uint8_t* tags, uint32_t length,
                               double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->InvalidateTags(scope, tags, length, now);
  });
}

int32_t tiercel_tags(TiercelEngine* engine, double ns, int32_t slot) {
  return InNamespace(engine, ns, [slot](Cache* cache, uint32_t) { return cache->Tags(slot); });
}

int32_t tiercel_value(TiercelEngine* engine, double ns, int32_t slot) {
  return InNamespace(engine, ns, [slot](Cache* cache, uint32_t) { return cache->Value(slot); });
}

double tiercel_iterate(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t) { return cache->Iterate(); });
}

int32_t tiercel_next(TiercelEngine* engine, double ns, int32_t slot, double iteration, double now) {
  return InNamespace(engine, ns,
                     [=](Cache* cache, uint32_t scope) { return cache->Next(scope, slot, iteration, now); });
}

double tiercel_load_begin(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                          uint32_t encoding) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t scope) {
    return cache->LoadBegin(scope, key, length, encoding);
  });
}

int32_t tiercel_load_tags(TiercelEngine* engine, double load, const uint8_t* names, uint32_t length) {
  return InLoad(engine, load, [=](Cache* cache, uint32_t id) { return cache->LoadTags(id, names, length); });
}

int32_t tiercel_load_commit(TiercelEngine* engine, double load, const uint8_t* value, uint32_t value_length,
                            uint32_t format, double weight, double ttl, double stale, const uint8_t* names,
                            uint32_t names_length, uint32_t flags, double now, uint32_t store) {
  const Incoming in = {value, value_length, format, weight, ttl, stale, names, names_length, flags};
  return InLoad(engine, load,
                [&](Cache* cache, uint32_t id) { return cache->LoadCommit(id, in, now, store != 0); });
}

int32_t tiercel_load_overtake(TiercelEngine* engine, double load) {
  return InLoad(engine, load, [](Cache* cache, uint32_t id) { return cache->LoadOvertake(id); });
}

int32_t tiercel_load_end(TiercelEngine* engine, double load) {
  return InLoad(engine, load, [](Cache* cache, uint32_t id) { return cache->LoadEnd(id); });
}

int32_t tiercel_snapshot_begin(TiercelEngine* engine, double ns, double wall, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) { return cache->SnapshotBegin(wall, now); });
}

int32_t tiercel_snapshot_next(TiercelEngine* engine, double ns, int32_t slot, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) { return cache->SnapshotNext(slot, now); });
}

int32_t tiercel_snapshot_add(TiercelEngine* engine, double ns, int32_t slot, const uint8_t* value,
                             uint32_t value_length, uint32_t format, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) {
    return cache->SnapshotAdd(slot, value, value_length, format, now);
  });
}

int32_t tiercel_snapshot_end(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t) { return cache->SnapshotEnd(); });
}

int32_t tiercel_snapshot_drop(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t) { return cache->SnapshotDrop(); });
}

int32_t tiercel_restore_begin(TiercelEngine* engine, double ns, const uint8_t* data, uint32_t length,
                              double wall, double now) {
  return InNamespace(engine, ns,
                     [=](Cache* cache, uint32_t) { return cache->RestoreBegin(data, length, wall, now); });
}

int32_t tiercel_restore_next(TiercelEngine* engine, double ns, double now) {
  return InNamespace(engine, ns, [=](Cache* cache, uint32_t) { return cache->RestoreNext(now); });
}

int32_t tiercel_removal(TiercelEngine* engine, double ns, uint32_t i) {
  return InNamespace(engine, ns, [i](Cache* cache, uint32_t) { return cache->Removal(i); });
}

int32_t tiercel_removals_clear(TiercelEngine* engine, double ns) {
  return InNamespace(engine, ns, [](Cache* cache, uint32_t) { return cache->RemovalsClear(); });
}

int32_t tiercel_frame_seal(TiercelEngine*, uint8_t* frame, uint32_t bytes) {
  return tiercel::SealFrame(frame, bytes);
}

int32_t tiercel_frame_check(TiercelEngine*, const uint8_t* frame, uint32_t bytes, const uint8_t* place,
                            uint32_t place_bytes) {
  return tiercel::CheckFrame(frame, bytes, place, place_bytes);
}

}  // extern "C"
