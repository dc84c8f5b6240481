// Calls with any arguments at all: made-up handles, numbers of every kind, malformed strings and lists. What
// the contract says of every call is checked: answers are in their range, pointers can be read, what was set
// is found.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "document.h"
#include "engine.h"
#include "run.h"

namespace tiercel::test {
namespace {

// The input as a supply of arguments; zeros once it is used up.
class Supply {
 public:
  Supply(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool done() const { return at_ == end_; }
  uint8_t Byte() { return done() ? 0 : *at_++; }
  uint32_t Below(uint32_t bound) { return Byte() % bound; }

  std::string Bytes(uint32_t most) {
    const uint32_t wanted = Below(most + 1);
    std::string bytes;
    while (bytes.size() < wanted && !done()) bytes.push_back(static_cast<char>(Byte()));
    return bytes;
  }

  double Number() {
    static constexpr double kSpecial[] = {0,      -0.0,   1,      -1,     0.5,    1e300,
                                          -1e300, 5e-324, 0x1p20, 0x1p31, 0x1p53, 0x1p63};
    switch (Below(6)) {
      case 0:
        return std::numeric_limits<double>::quiet_NaN();
      case 1:
        return std::numeric_limits<double>::infinity() * (Below(2) == 0 ? 1 : -1);
      case 2:
        return kSpecial[Below(sizeof(kSpecial) / sizeof(kSpecial[0]))];
      case 3: {
        uint64_t bits = 0;
        for (int i = 0; i < 8; i++) bits = bits << 8 | Byte();
        double number = 0;
        std::memcpy(&number, &bits, sizeof(number));
        return number;
      }
      default:
        return Below(100);
    }
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

class Session {
 public:
  Session(const uint8_t* data, size_t size) : in_(data, size) {
    for (const char* options : {R"({"maxEntries":5,"values":"bytes","maxKeyBytes":16})",
                                R"({"maxBytes":2000,"jitter":0.5,"policy":"lru"})",
                                R"({"maxEntries":50,"maxBytes":5000,"policy":"sieve"})",
                                R"({"maxEntries":9,"policy":"s3fifo","values":"bytes","ttlRules":{}})"}) {
      handles_.push_back(engine_.Open(options));
    }
    engine_.Watch(handles_[0], true);
    engine_.Watch(handles_[1], true);
  }

  void Run() {
    while (!in_.done()) {
      Step();
      FuzzExpect(engine_.IsIntact(), "a call writes its registers only");
    }
    for (const double handle : handles_) CheckStats(handle);
  }

 private:
  // Registers with something behind them that nobody may touch.
  class Guarded : public Engine {
   public:
    bool IsIntact() const { return guard_ == kGuard; }

    // Before a call whose registers are looked at: it may leave them alone, and what they describe be gone.
    void ForgetBytes() { registers_[TIERCEL_R_VALUE_LENGTH] = registers_[TIERCEL_R_KEY_LENGTH] = 0; }

   private:
    static constexpr double kGuard = 12345.678;
    double guard_ = kGuard;
  };

  struct Numbers {
    double weight;
    double ttl;
    double stale;
  };

  static const uint8_t* Data(const std::string& bytes) {
    return reinterpret_cast<const uint8_t*>(bytes.data());
  }
  static uint32_t Size(const std::string& bytes) { return static_cast<uint32_t>(bytes.size()); }

  // A handle of the caller's or a made-up one.
  double Handle() {
    const uint32_t which = in_.Byte();
    if (which >= 250) return in_.Number();
    return handles_[which % handles_.size()];
  }

  Text String() {
    const uint32_t kind = in_.Below(8);
    const std::string bytes = in_.Bytes(20);
    return {bytes.data(), bytes.size(), kind < 5 ? 0 : kind < 7 ? 1 : kind * 31};
  }

  // Mostly a packed list, else any bytes.
  std::string List() {
    if (in_.Below(4) == 0) return in_.Bytes(40);
    std::vector<Text> texts;
    for (uint32_t i = in_.Below(4); i > 0; i--) texts.emplace_back(in_.Bytes(3));
    std::vector<Text> keys;
    for (uint32_t i = in_.Below(3); i > 1; i--) keys.emplace_back(in_.Bytes(3));
    return Pack(texts) + Pack(keys, 1);
  }

  void Keep(double handle) {
    CheckStatus(handle);
    if (handle <= 0) return;
    FuzzExpect(handle == std::floor(handle) && handle < 0x1p53, "a handle is an integer");
    if (handles_.size() < 64) handles_.push_back(handle);
  }

  static double CheckStatus(double result) {
    FuzzExpect(result >= kLimit && result == std::floor(result), "a call answers a number or a status");
    FuzzExpect(!std::isinf(result), "a call answers a number or a status");
    return result;
  }

  // Reads every byte, for the sanitizers to see.
  static void Look(const std::string& bytes) {
    volatile uint8_t sum = 0;
    for (const char byte : bytes) sum = static_cast<uint8_t>(sum + byte);
  }

  void CheckKey() const {
    const Text key = engine_.Key();
    Look(key.bytes);
    FuzzExpect(key.encoding == key.canonical().encoding, "a key is stored in its shortest form");
  }

  void CheckStats(double handle) {
    const std::string text = engine_.Stats(handle);
    if (text.empty()) return;
    const Document stats(text);
    FuzzExpect(stats.Number("adds") - stats.Object("removals").Sum() == stats.Number("entries"),
               "adds less removals are the entries");
    FuzzExpect(stats.Number("entries") != 0 || stats.Number("bytes") == 0, "no entries have no bytes");
  }

  void Step() {
    engine_.ForgetBytes();
    const double h = Handle();
    const double now = in_.Number();
    switch (in_.Below(28)) {
      case 0:
        return Get(h, now);
      case 1:
      case 2:
        return Set(h, now);
      case 3:
        CheckStatus(engine_.Delete(h, String(), now));
        return;
      case 4:
        return Touch(h, now);
      case 5:
        CheckStatus(engine_.Clear(h, now));
        return;
      case 6:
        return Invalidate(h, now);
      case 7:
        return Keep(engine_.Namespace(h, String()));
      case 8:
        return Keep(engine_.LoadBegin(h, String()));
      case 9:
        return Commit(h, now);
      case 10:
        CheckStatus(engine_.LoadEnd(h));
        return;
      case 11:
        return Resize(h);
      case 12:
        return Next(h, now);
      case 13:
        return Removals(h);
      case 14:
        CheckStatus(engine_.RemovalsClear(h));
        return;
      case 15:
        return Seed(h);
      case 16:
        return Slot(h);
      case 17:
        CheckStatus(engine_.Watch(h, in_.Below(2) == 0));
        return;
      case 18:
        CheckStatus(engine_.Size(h));
        return CheckStats(h);
      case 19:
        return LoadTags(h);
      case 20:
        return AddTags(h, now);
      case 21:
        CheckStatus(engine_.InvalidatePrefix(h, String(), now));
        return;
      case 22:
        return Pattern(h, now);
      case 23:
        return Sweep(h, now);
      case 24:
        return Ttl(h);
      case 25:
        return Snapshot(h, now);
      case 26:
        return Restore(h, now);
      default:
        // Seldom: a closed cache makes the rest of the input dull.
        if (in_.Byte() == 7) CheckStatus(engine_.Close(h));
        if (handles_.size() < 8) Keep(engine_.Open(R"({"maxEntries":3,"values":"bytes"})"));
    }
  }

  void Get(double h, double now) {
    const Text key = String();
    const int32_t slot = engine_.Get(h, key, now, in_.Byte());
    CheckStatus(slot);
    if (slot >= 0) Look(engine_.ValueBytes());
  }

  void Touch(double h, double now) {
    const Text key = String();
    const double ttl = in_.Number();
    CheckStatus(engine_.Touch(h, key, ttl, now, static_cast<TiercelTouchMode>(in_.Below(4))));
  }

  void AddTags(double h, double now) {
    const Text key = String();
    const std::string tags = List();
    CheckStatus(tiercel_add_tags(engine_.raw(), h, key.data(), key.size(), key.encoding, Data(tags),
                                 Size(tags), now));
  }

  void Pattern(double h, double now) {
    const Text pattern = String();
    const double matches = CheckStatus(engine_.Match(h, pattern, String()));
    FuzzExpect(matches <= 1, "a text matches or not");
    CheckStatus(engine_.InvalidatePattern(h, pattern, now));
  }

  void Sweep(double h, double now) {
    const double before = engine_.Size(h);
    const double removed = CheckStatus(engine_.Sweep(h, in_.Byte(), now));
    FuzzExpect(removed < 0 || engine_.Size(h) >= before - removed, "a sweep counts what it removes");
  }

  void Ttl(double h) {
    const Text type = String();
    const uint32_t flags = in_.Byte();
    const double modified = in_.Number();
    const double ttl =
        tiercel_ttl(engine_.raw(), h, type.data(), type.size(), type.encoding, flags, modified, in_.Number());
    FuzzExpect(ttl >= kLimit && ttl <= 0x1p53, "a ttl is a duration or a status");
  }

  void Snapshot(double h, double now) {
    CheckStatus(engine_.SnapshotBegin(h, in_.Number(), now));
    int32_t slot = -1;
    while ((slot = engine_.SnapshotNext(h, slot, now)) >= 0) {
      CheckStatus(engine_.SnapshotAdd(h, slot, in_.Bytes(20), in_.Below(9), now));
    }
    snapshot_ = engine_.SnapshotEnd(h);
  }

  // The last snapshot, of whatever cache, whole, or changed somewhere.
  void Restore(double h, double now) {
    std::string changed = snapshot_;
    for (uint32_t i = in_.Below(4); i > 1 && !changed.empty(); i--) {
      changed[in_.Byte() * 37U % changed.size()] = static_cast<char>(in_.Byte());
    }
    CheckStatus(engine_.RestoreBegin(h, changed, in_.Number(), now));
    for (int32_t slot = 0; slot >= 0 && !std::isnan(now);) {
      engine_.ForgetBytes();
      slot = engine_.RestoreNext(h, now);
      CheckStatus(slot);
      if (slot >= 0) Look(engine_.ValueBytes());
    }
    if (in_.Below(2) == 0) CheckStatus(engine_.SnapshotDrop(h));
  }

  void Resize(double h) {
    const double max_entries = in_.Number();
    CheckStatus(engine_.Resize(h, max_entries, in_.Number()));
  }

  void Set(double h, double now) {
    const Text key = String();
    const std::string value = in_.Bytes(200);
    const std::string tags = List();
    const Numbers n = {in_.Number(), in_.Number(), in_.Number()};
    const uint32_t encoding = in_.Below(4) == 0 ? uint32_t{TIERCEL_MISSED} : key.encoding;
    const int32_t slot =
        tiercel_set(engine_.raw(), h, key.data(), key.size(), encoding, Data(value), Size(value),
                    in_.Below(9), n.weight, n.ttl, n.stale, Data(tags), Size(tags), in_.Below(3), now);
    CheckStatus(slot);
    if (slot < 0 || encoding == TIERCEL_MISSED) return;
    // At an infinite time, or with a ttl too small to change the time, nothing is in time.
    const int32_t found = engine_.Get(h, key, -1, TIERCEL_GET_PEEK);
    FuzzExpect(found == slot || found == TIERCEL_MISS, "what was set is found in its slot");
    if (found == slot && engine_.Value(h, slot) == TIERCEL_OK) {
      FuzzExpect(engine_.ValueBytes() == value, "what was set is read");
    }
  }

  void Invalidate(double h, double now) {
    const std::string tags = List();
    CheckStatus(tiercel_invalidate_tags(engine_.raw(), h, Data(tags), Size(tags), now));
  }

  void Commit(double h, double now) {
    const std::string value = in_.Bytes(100);
    const std::string tags = List();
    const Numbers n = {in_.Number(), in_.Number(), in_.Number()};
    CheckStatus(tiercel_load_commit(engine_.raw(), h, Data(value), Size(value), in_.Below(9), n.weight, n.ttl,
                                    n.stale, Data(tags), Size(tags), in_.Below(3), now, in_.Below(2)));
  }

  void LoadTags(double h) {
    const std::string tags = List();
    CheckStatus(tiercel_load_tags(engine_.raw(), h, Data(tags), Size(tags)));
  }

  void Next(double h, double now) {
    const double iteration = in_.Below(4) == 0 ? in_.Number() : engine_.Iterate(h);
    int32_t slot = static_cast<int32_t>(in_.Below(4) == 0 ? 0x7fffffff : in_.Below(8)) - 1;
    for (int i = 0; i < 10; i++) {
      engine_.ForgetBytes();
      const int32_t next = engine_.Next(h, slot, iteration, now);
      CheckStatus(next);
      if (next < 0) return;
      FuzzExpect(next > slot, "an iteration goes on");
      CheckKey();
      Look(engine_.ValueBytes());
      slot = next;
    }
  }

  void Removals(double h) {
    for (uint32_t i = 0;; i++) {
      engine_.ForgetBytes();
      if (engine_.RemovalAt(h, i) < 0) break;
      const double cause = engine_.Register(TIERCEL_R_CAUSE);
      FuzzExpect(cause >= 0 && cause <= int32_t{TIERCEL_CAUSE_DEPENDENCY}, "a removal has a cause");
      Look(engine_.ValueBytes());
    }
    CheckStatus(engine_.RemovalAt(h, in_.Byte() * 0x1010101U));
  }

  void Seed(double h) {
    uint8_t seed[TIERCEL_SEED_BYTES];
    for (uint8_t& byte : seed) byte = in_.Byte();
    CheckStatus(engine_.Seed(h, seed));
  }

  void Slot(double h) {
    const int32_t slot = in_.Below(4) == 0 ? static_cast<int32_t>(in_.Byte() * 0x1010101U) : in_.Byte();
    if (CheckStatus(engine_.Value(h, slot)) >= 0) Look(engine_.ValueBytes());
    for (const Text& tag : engine_.Tags(h, slot))
      FuzzExpect(tag.encoding <= TIERCEL_UTF16, "a tag is a string");
  }

  Supply in_;
  Guarded engine_;
  std::vector<double> handles_;
  std::string snapshot_;
};

}  // namespace
}  // namespace tiercel::test

TIERCEL_FUZZ("abi", "any arguments are taken or refused") { tiercel::test::Session(data, size).Run(); }
