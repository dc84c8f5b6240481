#include "loads.h"

namespace tiercel {

Loads::~Loads() {
  for (uint32_t i = order_.head; i != kNone; i = loads_[i].next) {
    handles_.Close(loads_[i].handle);
    loads_[i].key.Release();
  }
}

uint32_t Loads::Find(uint32_t scope, uint32_t hash, const Text& key) const {
  return keys_.Find(hash, [&](uint32_t i) {
    const Load& load = loads_[i];
    return load.scope == scope && load.key.Equals(key);
  });
}

uint32_t Loads::Begin(Cache* cache, uint32_t scope, uint32_t hash, const Text& key, uint64_t sequence) {
  if (!loads_.Reserve() || !keys_.Reserve([this](uint32_t n) { return loads_[n].hash; })) return kNone;
  StoredText stored;
  if (!stored.Assign(key)) return kNone;
  const uint32_t i = loads_.Take();
  Load& load = loads_[i];
  load.handle = handles_.Open(HandleTable::Kind::kLoad, cache, i);
  if (load.handle == 0) {
    loads_.Give(i);
    stored.Release();
    return kNone;
  }
  load.sequence = sequence;
  load.key = stored;
  load.hash = hash;
  load.scope = scope;
  order_.PushTail(loads_, i);
  keys_.Insert(hash, i);
  return i;
}

void Loads::Overtake(uint32_t load) {
  Load& l = loads_[load];
  if (l.overtaken) return;
  l.overtaken = true;
  keys_.Erase(l.hash, load);
}

void Loads::End(uint32_t load) {
  Overtake(load);
  Load& l = loads_[load];
  order_.Remove(loads_, load);
  handles_.Close(l.handle);
  l.key.Release();
  loads_.Give(load);
}

void Loads::Seed(const HashSeed& seed, Index* spare) {
  for (uint32_t i = order_.head; i != kNone; i = loads_[i].next) {
    Load& load = loads_[i];
    load.hash = HashText(seed, load.scope, 0, load.key.view());
    if (!load.overtaken) spare->Insert(load.hash, i);
  }
  keys_.Swap(*spare);
}

}  // namespace tiercel
