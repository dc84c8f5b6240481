// How a call reaches a namespace on a shard: for the files of connection.h.
#ifndef TIERCEL_NODE_CONNECTION_CALLS_H_
#define TIERCEL_NODE_CONNECTION_CALLS_H_

#include "connection.h"

namespace tiercel::node {

// Runs `call(engine, handle)` for a namespace on a shard, whose lock is held. A handle that the shard forgot,
// since nothing was in the namespace there, is found again by the path.
template <typename Call>
double Connection::In(uint32_t i, Namespace* ns, Call call) {
  TiercelEngine* const engine = cache_.shard(i).engine;
  double handle = ns->handles[i];
  double result = handle == 0 ? kBadHandle : double(call(engine, handle));
  if (result == kBadHandle) {
    handle = Resolve(i, ns);
    if (handle <= 0) return handle == 0 ? kNoMemory : handle;
    result = double(call(engine, handle));
  }
  if (result == kBadArgument) message_ = tiercel_message(engine);
  return result;
}

// On all shards, whose locks are held: the sum of the results, or a status if one failed. All are asked all
// the same.
template <typename Call>
double Connection::SumOf(Namespace* ns, Call call) {
  double sum = 0;
  double failed = 0;
  for (uint32_t i = 0; i < cache_.shard_count(); i++) {
    const double result = In(i, ns, call);
    if (result < 0) failed = result;
    sum += result;
    Changed(i);
  }
  return failed < 0 ? failed : sum;
}

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_CONNECTION_CALLS_H_
