// The calls of numbers and at most one string, as functions for JavaScript.
#ifndef TIERCEL_NODE_CALLS_H_
#define TIERCEL_NODE_CALLS_H_

#include <node_api.h>

#include <span>

namespace tiercel::node {

struct Named {
  const char* name;
  napi_callback call;
};

// Their data is the Environment.
std::span<const Named> Calls();

// The same of shared caches; their data is the SharedEnvironment.
std::span<const Named> SharedCalls();

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_CALLS_H_
