// Each call of a shared cache that takes numbers and at most one string, and leaves a number.
#include "box.h"
#include "calls.h"
#include "shared_environment.h"

namespace tiercel::node {
namespace {

// A function of numbers.
template <double (*kCall)(Connection*, const SharedCall&)>
napi_value OfNumbers(napi_env env, napi_callback_info info) {
  const SharedEnvironment& environment = *EnvironmentOf(env, info, nullptr);
  const SharedCall call(environment);
  return Result(environment.numbers(),
                call.connection() == nullptr ? kBadHandle : kCall(call.connection(), call));
}

// A function of numbers and a string.
template <double (*kCall)(Connection*, const SharedCall&)>
napi_value OfString(napi_env env, napi_callback_info info) {
  napi_value text = nullptr;
  const SharedEnvironment& environment = *EnvironmentOf(env, info, &text);
  SharedCall call(environment);
  if (call.connection() == nullptr) return Result(environment.numbers(), kBadHandle);
  const Outlet& outlet = call.box()->outlet;
  size_t units = 0;
  const size_t room = outlet.capacity / 2;  // One of it for the NUL that is written, but not counted.
  if (napi_get_value_string_utf16(env, text, reinterpret_cast<char16_t*>(outlet.buffer), room, &units) !=
          napi_ok ||
      units + 1 >= room) {
    napi_throw_type_error(env, "ERR_TIERCEL_INVALID_ARGUMENT",
                          "the engine takes strings that fit its buffer");
    return nullptr;
  }
  call.units = static_cast<uint32_t>(units);
  return Result(environment.numbers(), kCall(call.connection(), call));
}

using C = Connection;
using S = SharedCall;

double Seed(C*, const S&) { return kOk; }  // That of whoever made the cache, with its options.
double Refetch(C* c, const S&) { return c->Refetch(); }
double Resize(C* c, const S& s) { return c->Resize(s[1], s[2]); }
double Watch(C* c, const S& s) { return c->Watch(s.Unsigned(1)); }
double Stats(C* c, const S& s) { return c->Stats(s[1] != 0); }
double OpenNamespace(C* c, const S& s) { return c->OpenNamespace(s[0], s.text()); }
double Clear(C* c, const S& s) { return c->Clear(s[0], s[1]); }
double Size(C* c, const S& s) { return c->Size(s[0]); }
double Get(C* c, const S& s) { return c->Get(s[0], s.text(), s[1], s.Unsigned(2)); }
double Set(C* c, const S& s) { return c->Set(s[0], s.text(), s.value(), s[10]); }
double SetMissed(C* c, const S& s) { return c->SetMissed(s[0], s.value(), s[10]); }
double Delete(C* c, const S& s) { return c->Delete(s[0], s.text(), s[1]); }
double Touch(C* c, const S& s) { return c->Touch(s[0], s.text(), s[1], s.Unsigned(2), s[3]); }
double AddTags(C* c, const S& s) { return c->AddTags(s[0], s.text(), s.At(1, 2), s[3]); }
double Ttl(C* c, const S& s) { return c->Ttl(s.text(), s.Unsigned(1), s[2], s[3]); }
double InvalidatePrefix(C* c, const S& s) { return c->InvalidatePrefix(s[0], s.text(), s[1]); }
double InvalidatePattern(C* c, const S& s) { return c->InvalidatePattern(s[0], s.text(), s[1]); }
double Match(C* c, const S& s) {
  const std::string_view text = s.At(1, 2);
  return c->Match(s.text(), {reinterpret_cast<const uint8_t*>(text.data()),
                             static_cast<uint32_t>(text.size()), s.Unsigned(3)});
}
double Sweep(C* c, const S& s) { return c->Sweep(s.Unsigned(1), s[2]); }
double InvalidateTags(C* c, const S& s) { return c->InvalidateTags(s[0], s.At(1, 2), s[3]); }
double Iterate(C* c, const S&) { return c->Iterate(0); }
double Next(C* c, const S& s) { return c->Next(s[0], s[1], s[2], s[3]); }
double LoadBegin(C* c, const S& s) { return c->LoadBegin(s[0], s.text(), s[1] != 0); }
double LoadTags(C* c, const S& s) { return c->LoadTags(s[0], s.At(1, 2)); }
double LoadCommit(C* c, const S& s) {
  return c->LoadCommit(s[0], s.value(), s[10], static_cast<Commit>(s.Unsigned(11) & 3));
}
double LoadEnd(C* c, const S& s) {
  const bool failed = s[1] == static_cast<double>(Outcome::Kind::kFailed);
  if (!failed) return c->LoadEnd(s[0], Outcome::Kind::kGone, {}, 0);
  return c->LoadEnd(s[0], Outcome::Kind::kFailed, s.At(2, 3), s.Unsigned(4));
}
double TakeOutcome(C* c, const S&) { return c->TakeOutcome(); }
double Mail(C* c, const S&) { return c->wanted() == 0 ? 0 : c->mailbox().events(); }
double Schedule(C* c, const S& s) { return c->Schedule(s[0], s.text(), s[1], s[2]); }
double SnapshotBegin(C* c, const S& s) {
  s.box()->snapshot.clear();
  return c->Snapshot(s[1], s[2], &s.box()->snapshot);
}
double SnapshotNext(C*, const S&) { return kMiss; }
double SnapshotDrop(C*, const S& s) {
  s.box()->snapshot = std::string();
  return kOk;
}
double RestoreNext(C*, const S& s) { return s.box()->restored-- > 0 ? kOk : kMiss; }
double Removal(C* c, const S& s) { return c->Removal(s.Unsigned(1)); }
double RemovalsClear(C* c, const S&) { return c->RemovalsClear(); }

constexpr Named kCalls[] = {
    {"seed", OfNumbers<Seed>},
    {"refetch", OfNumbers<Refetch>},
    {"resize", OfNumbers<Resize>},
    {"watch", OfNumbers<Watch>},
    {"stats", OfNumbers<Stats>},
    {"namespace", OfString<OpenNamespace>},
    {"clear", OfNumbers<Clear>},
    {"size", OfNumbers<Size>},
    {"get", OfString<Get>},
    {"set", OfString<Set>},
    {"setMissed", OfNumbers<SetMissed>},
    {"delete", OfString<Delete>},
    {"touch", OfString<Touch>},
    {"addTags", OfString<AddTags>},
    {"ttl", OfString<Ttl>},
    {"invalidatePrefix", OfString<InvalidatePrefix>},
    {"invalidatePattern", OfString<InvalidatePattern>},
    {"match", OfString<Match>},
    {"sweep", OfNumbers<Sweep>},
    {"invalidateTags", OfNumbers<InvalidateTags>},
    {"iterate", OfNumbers<Iterate>},
    {"next", OfNumbers<Next>},
    {"loadBegin", OfString<LoadBegin>},
    {"loadTags", OfNumbers<LoadTags>},
    {"loadCommit", OfNumbers<LoadCommit>},
    {"loadEnd", OfNumbers<LoadEnd>},
    {"takeOutcome", OfNumbers<TakeOutcome>},
    {"mail", OfNumbers<Mail>},
    {"schedule", OfString<Schedule>},
    {"snapshotBegin", OfNumbers<SnapshotBegin>},
    {"snapshotNext", OfNumbers<SnapshotNext>},
    {"snapshotDrop", OfNumbers<SnapshotDrop>},
    {"restoreNext", OfNumbers<RestoreNext>},
    {"removal", OfNumbers<Removal>},
    {"removalsClear", OfNumbers<RemovalsClear>},
};

}  // namespace

std::span<const Named> SharedCalls() { return kCalls; }

}  // namespace tiercel::node
