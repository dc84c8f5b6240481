#include "registry.h"

#include <utility>

namespace tiercel::node {

Registry& Registry::Process() {
  static Registry* const registry = new Registry();
  return *registry;
}

Registry::Opened Registry::Open(const std::string& name, const std::string& description,
                                const SharedOptions& options, SharedCache** cache, std::string* said) {
  const Hold hold(&lock_);
  auto found = caches_.find(name);
  if (found != caches_.end() && found->second.description != description) {
    *said = found->second.description;
    return Opened::kOtherOptions;
  }
  if (found == caches_.end()) {
    auto fresh = SharedCache::Open(options, said);
    if (fresh == nullptr) return said->empty() ? Opened::kOutOfMemory : Opened::kRefused;
    found = caches_.emplace(name, Record{description, 0, std::move(fresh)}).first;
  }
  found->second.references++;
  *cache = found->second.cache.get();
  return Opened::kYes;
}

void Registry::Close(const SharedCache* cache) {
  // Freed after the lock is: that takes a while, and concerns nobody.
  std::unique_ptr<SharedCache> last;
  const Hold hold(&lock_);
  for (auto at = caches_.begin(); at != caches_.end(); ++at) {
    if (at->second.cache.get() != cache) continue;
    if (--at->second.references != 0) return;
    last = std::move(at->second.cache);
    caches_.erase(at);
    return;
  }
}

void Registry::ForEach(const std::function<void(const std::string&, uint32_t, const SharedCache&)>& each) {
  const Hold hold(&lock_);
  for (const auto& [name, record] : caches_) each(name, record.references, *record.cache);
}

}  // namespace tiercel::node
