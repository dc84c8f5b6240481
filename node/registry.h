// The shared caches of the process, by name, each for as long as somebody has it open.
#ifndef TIERCEL_NODE_REGISTRY_H_
#define TIERCEL_NODE_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "lock.h"
#include "shared_cache.h"

namespace tiercel::node {

class Registry {
 public:
  // That of the process. Never destroyed: threads may end after static objects do.
  static Registry& Process();

  enum class Opened : uint8_t { kYes, kOtherOptions, kRefused, kOutOfMemory };

  // The cache of that name, made if there is none. Each call that returns kYes is to be met by one of Close.
  // `description` stands for all that those who open it must agree on; with kOtherOptions `*said` is that of
  // the cache that there is, with kRefused what the core says.
  Opened Open(const std::string& name, const std::string& description, const SharedOptions& options,
              SharedCache** cache, std::string* said);
  void Close(const SharedCache* cache);

  // Calls each(name, references, cache) with the registry locked: what it is told stays for the call.
  void ForEach(const std::function<void(const std::string&, uint32_t, const SharedCache&)>& each);

 private:
  struct Record {
    std::string description;
    uint32_t references = 0;
    std::unique_ptr<SharedCache> cache;
  };

  Lock lock_;
  std::unordered_map<std::string, Record> caches_;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_REGISTRY_H_
