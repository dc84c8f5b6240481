#include "policy.h"

namespace tiercel {

Policy* NewPolicy(PolicyKind kind, Entries* entries, uint64_t max_entries, uint64_t max_bytes) {
  switch (kind) {
    case PolicyKind::kLru:
      return NewLruPolicy(entries);
    case PolicyKind::kSieve:
      return NewSievePolicy(entries);
    case PolicyKind::kS3Fifo:
      return NewS3FifoPolicy(entries, max_entries, max_bytes);
    case PolicyKind::kAdaptive:
      break;
  }
  return NewAdaptivePolicy(entries, max_entries, max_bytes);
}

}  // namespace tiercel
