// The namespaces that one thread uses of a shared cache: a number for each, which that thread has as a
// handle, and the handles of the same namespace on the shards. Those that a shard forgot are found again by
// the path; the oldest numbers are forgotten when there are many, as the core does it with handles.
#ifndef TIERCEL_NODE_NAMESPACES_H_
#define TIERCEL_NODE_NAMESPACES_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "dependents.h"
#include "packed_list.h"
#include "tiercel/abi.h"

namespace tiercel::node {

struct Namespace {
  double id = 0;
  uint32_t hash = 0;                                        // As tiercel_stripe gives it.
  uint32_t depth = 0;                                       // Parts of the path.
  std::string path;                                         // A packed list.
  std::array<double, Dependents::kMaxShards> handles = {};  // 0: to be found by the path.
};

class Namespaces {
 public:
  // `seed` outlives this.
  explicit Namespaces(const uint8_t* seed) : seed_(seed) { root_.id = kRootId; }
  Namespaces(const Namespaces&) = delete;
  Namespaces& operator=(const Namespaces&) = delete;

  Namespace& root() { return root_; }

  // nullptr for a number that was forgotten or never given. What is returned is good until the next
  // FindOrAdd.
  Namespace* Find(double id) {
    if (id == kRootId) return &root_;
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
  }

  // The number of the namespace of that path, 0 if this thread does not use it.
  double IdOf(const std::string& path) const {
    if (path.empty()) return kRootId;
    const auto found = ids_.find(path);
    return found == ids_.end() ? 0 : found->second;
  }

  Namespace& FindOrAdd(const std::string& path) {
    if (path.empty()) return root_;
    const auto found = ids_.find(path);
    if (found != ids_.end()) return by_id_[found->second];
    if (order_.size() == kMost) {
      const auto oldest = by_id_.find(order_.front());
      ids_.erase(oldest->second.path);
      by_id_.erase(oldest);
      order_.pop_front();
    }
    const double id = next_id_++;
    ids_[path] = id;
    order_.push_back(id);
    Namespace& ns = by_id_[id];
    ns.id = id;
    ns.path = path;
    ForEachName(path, [&](const Name& part, uint32_t) {
      ns.hash = tiercel_stripe(seed_, ns.hash, part.data, part.bytes, part.encoding);
      ns.depth++;
    });
    return ns;
  }

 private:
  static constexpr double kRootId = 1;
  static constexpr size_t kMost = 16384;

  const uint8_t* const seed_;
  Namespace root_;
  std::unordered_map<double, Namespace> by_id_;
  std::unordered_map<std::string, double> ids_;
  std::deque<double> order_;  // The oldest first.
  double next_id_ = kRootId + 1;
};

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_NAMESPACES_H_
