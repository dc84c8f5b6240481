// Shared caches as functions for JavaScript: the same calls as those of an engine of its own, and a few more.
#ifndef TIERCEL_NODE_SHARED_ADDON_H_
#define TIERCEL_NODE_SHARED_ADDON_H_

#include <node_api.h>

namespace tiercel::node {

// Makes the object with these functions, nullptr without memory. `numbers` is the array, and its memory, in
// which calls find what they take: see box.h.
napi_value MakeShared(napi_env env, napi_value arguments, double* numbers);

}  // namespace tiercel::node

#endif  // TIERCEL_NODE_SHARED_ADDON_H_
