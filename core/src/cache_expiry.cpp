// Deadlines, and what a caller may do to them.
#include <cmath>
#include <cstring>

#include "cache.h"

namespace tiercel {
namespace {

constexpr double kMost = 9007199254740991.0;  // 2^53 - 1

// The nearest float that is not more; infinity stays.
float RoundDown(double x) {
  auto rounded = static_cast<float>(x);
  if (static_cast<double>(rounded) <= x) return rounded;
  uint32_t bits = 0;
  std::memcpy(&bits, &rounded, sizeof(bits));
  bits--;  // Positive floats are ordered as their bits.
  std::memcpy(&rounded, &bits, sizeof(bits));
  return rounded;
}

}  // namespace

// From 0 to below 1, by xorshift64*, Vigna 2016: a spread of deadlines needs no better.
double Cache::Random() {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  return static_cast<double>((random_ * 0x2545f4914f6cdd1d) >> 11) * (1.0 / 9007199254740992.0);
}

// Gives an entry a deadline from now, scattered by the jitter. What it needs of the columns is reserved.
void Cache::Expire(uint32_t slot, double ttl, double stale) {
  double fresh_until = kForever;
  if (ttl != 0) {
    if (jitter_ != 0) ttl *= 1 + jitter_ * (2 * Random() - 1);
    fresh_until = now_ + ttl;
  }
  SetDeadline(slot, fresh_until, stale);
}

void Cache::SetDeadline(uint32_t slot, double fresh_until, double stale) {
  entries_.SetDeadline(slot, fresh_until, RoundDown(stale));
}

double Cache::Ttl(const uint8_t* type, uint32_t bytes, uint32_t encoding, uint32_t flags, double modified,
                  double hour) {
  Text text;
  const int32_t status = Read(&name_, type, bytes, encoding, &text);
  if (status != TIERCEL_OK || ttl_rules_ == nullptr) return status;
  return ttl_rules_->Ttl(text, flags, modified, hour, Random());
}

int32_t Cache::Touch(uint32_t scope, const uint8_t* key, uint32_t bytes, uint32_t encoding, double ttl,
                     uint32_t mode, double now) {
  Tick(now);
  Key found;
  const int32_t status = FindKey(scope, key, bytes, encoding, &found);
  if (status != TIERCEL_OK) return status;
  if (mode > TIERCEL_TOUCH_EXPIRE) return Bad("mode must be one of TiercelTouchMode");
  if (mode != TIERCEL_TOUCH_EXPIRE && !(ttl >= 0 && ttl <= kMost))
    return Bad("ttl must be from 0 to 2^53 - 1");
  const uint32_t slot = found.slot;
  if (slot == kNone || !IsServable(slot)) {
    if (mode == TIERCEL_TOUCH_EXPIRE) Overtake(scope, found.hash, found.text);
    ReclaimSome();
    return Finish(TIERCEL_MISS);
  }
  const bool had_extra = entries_[slot].extra != 0;
  const double fresh_until = entries_.FreshUntil(slot);
  const double served_until = entries_.ServedUntil(slot);
  const auto stale = static_cast<double>(entries_.Stale(slot));
  const bool gets_deadline = mode == TIERCEL_TOUCH_RENEW ? ttl != 0 : mode == TIERCEL_TOUCH_EXPIRE;
  if (gets_deadline && !entries_.ReserveDeadline(slot, mode == TIERCEL_TOUCH_EXPIRE))
    return Finish(TIERCEL_NO_MEMORY);
  // What a load has read may be what is out of date.
  if (mode == TIERCEL_TOUCH_EXPIRE) Overtake(scope, found.hash, found.text);
  if (gets_deadline && !had_extra) {
    if (!Grow(slot, kExtraCost)) {
      ReclaimSome();
      return Finish(TIERCEL_MISS);
    }
    entries_[slot].extra = 1;
  }
  if (mode == TIERCEL_TOUCH_RENEW) {
    Expire(slot, ttl, stale);
  } else if (mode == TIERCEL_TOUCH_EXTEND) {
    if (fresh_until < kForever) SetDeadline(slot, fresh_until + ttl, stale);
  } else if (now_ < fresh_until) {
    SetDeadline(slot, now_, served_until - now_);
  }
  ReclaimSome(static_cast<int32_t>(slot));
  return Finish(static_cast<int32_t>(slot));
}

}  // namespace tiercel
