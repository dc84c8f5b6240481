// What a cache restores is nobody's word to be taken: bytes as they are, and, so that more than the checksums
// is tried, bytes as the records of a snapshot that is otherwise right.
#include <string>

#include "document.h"
#include "engine.h"
#include "run.h"
#include "snapshot.h"

using namespace tiercel::test;

namespace {

constexpr const char* kBytesMode = R"({"maxBytes":100000,"values":"bytes","policy":"lru"})";
constexpr const char* kReferenceMode = R"({"maxEntries":50,"policy":"s3fifo"})";

// A snapshot with one chunk, which begins in the root and goes on with these bytes.
std::string Dressed(bool values_as_bytes, const uint8_t* records, size_t size) {
  tiercel::SnapshotWriter writer;
  const tiercel::SnapshotHeader header = {values_as_bytes, 1, 1, 0, 0};
  const bool done = writer.Begin(header) && writer.BeginNamespace(nullptr, 0) &&
                    writer.AddBytes(records, static_cast<uint32_t>(size));
  writer.End();
  FuzzExpect(done, "there is memory for a snapshot");
  return {reinterpret_cast<const char*>(writer.data()), writer.size()};
}

// Restores all that there is; returns how many entries.
uint32_t RestoreAll(Engine& engine, double cache, const std::string& snapshot) {
  if (engine.RestoreBegin(cache, snapshot, 0, 1) != TIERCEL_OK) return 0;
  uint32_t restored = 0;
  for (int32_t slot = engine.RestoreNext(cache, 1); slot >= 0; slot = engine.RestoreNext(cache, 1)) {
    FuzzExpect(++restored <= snapshot.size(), "restoring ends");
    const std::string value = engine.ValueBytes();
    const Text key = engine.Key();
    const double ns = cache;
    // In another namespace, or with a ttl too small to change the time, it is not found here.
    if (engine.Get(ns, key, 1, TIERCEL_GET_PEEK | TIERCEL_GET_STALE) == slot &&
        engine.Value(ns, slot) == TIERCEL_OK) {
      FuzzExpect(engine.ValueBytes() == value, "what is restored is read");
    }
  }
  engine.SnapshotDrop(cache);
  return restored;
}

}  // namespace

TIERCEL_FUZZ("snapshot", "any bytes are a snapshot, or a part of one, or refused") {
  if (size == 0) return;
  const bool values_as_bytes = (data[0] & 1) != 0;
  const char* const options = values_as_bytes ? kBytesMode : kReferenceMode;
  const std::string snapshot = (data[0] & 2) != 0
                                   ? Dressed(values_as_bytes, data + 1, size - 1)
                                   : std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  Engine engine;
  const double cache = engine.Open(options);
  RestoreAll(engine, cache, snapshot);
  const Document stats(engine.Stats(cache));
  FuzzExpect(stats.Number("entries") == engine.Size(cache), "entries are counted");
  FuzzExpect(stats.Number("maxBytes") == 0 || stats.Number("bytes") <= stats.Number("maxBytes"),
             "what is restored keeps to the bounds");
  if (!values_as_bytes) return;

  // What came in can go out and in again.
  FuzzExpect(engine.SnapshotBegin(cache, 0, 1) == TIERCEL_OK, "a snapshot begins");
  uint32_t written = 0;
  for (int32_t slot = engine.SnapshotNext(cache, -1, 1); slot >= 0;
       slot = engine.SnapshotNext(cache, slot, 1)) {
    written++;
  }
  const std::string copy = engine.SnapshotEnd(cache);
  Engine other;
  const double second = other.Open(options);
  FuzzExpect(RestoreAll(other, second, copy) == written, "what was restored can be restored");
}
