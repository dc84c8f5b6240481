// The model harness must be able to fail: engines with one protection switched off each are caught, and the
// sequence that shows it is short. What it took for a fault once, and was none, is here as well.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "catch.h"
#include "trial.h"

namespace tiercel::test {
namespace {

using NewEngine = std::function<std::unique_ptr<Engine>()>;

// Only sequences of the modes in which the fault can show.
struct Modes {
  bool values_as_bytes = false;
  bool watched = true;
};

void RequireCaught(const NewEngine& new_engine, const Modes& modes, const std::string& rule) {
  const auto fault = [&](const Sequence& sequence) { return Try(sequence, *new_engine()); };
  for (uint64_t seed = 1; seed <= 200; seed++) {
    Sequence sequence = Generate(seed, 300);
    sequence.setup.values_as_bytes = modes.values_as_bytes;
    sequence.setup.watched = modes.watched;
    const auto caught = [&](const Sequence& s) {
      const auto what = fault(s);
      return what.has_value() && what->find(rule) != std::string::npos;
    };
    if (!caught(sequence)) continue;
    const Sequence shrunk = Shrink(sequence, caught);
    INFO(Print(shrunk));
    REQUIRE(shrunk.ops.size() <= 20);
    return;
  }
  FAIL("not caught: " << rule);
}

template <typename Broken>
void RequireCaught(const std::string& rule, const Modes& modes = {}) {
  RequireCaught([] { return std::make_unique<Broken>(); }, modes, rule);
}

// Answers a clear as if it had been done: in one form with the count, in the other with the totals.
template <bool kCounts>
class ClearsNothing : public Engine {
  double Clear(double ns, double now) override {
    const double count = kCounts ? Engine::Size(ns) : 0;
    Engine::Touch(ns, "", 0, now);  // Writes the registers of a clear.
    if (!kCounts) registers_[TIERCEL_R_ENTRIES] = 0;
    was_cleared_ = true;
    return count;
  }
  double Size(double ns) override { return std::exchange(was_cleared_, false) ? 0 : Engine::Size(ns); }
  bool was_cleared_ = false;
};

void RequireRight(const Sequence& sequence) {
  for (const bool values_as_bytes : {false, true}) {
    for (const bool watched : {false, true}) {
      Sequence in_mode = sequence;
      in_mode.setup.values_as_bytes = values_as_bytes;
      in_mode.setup.watched = watched;
      Engine engine;
      const auto what = Try(in_mode, engine);
      INFO(Print(in_mode) << what.value_or(""));
      REQUIRE_FALSE(what.has_value());
    }
  }
}

// In which a second entry pushes the first out.
Setup LruOfOne() {
  Setup setup;
  setup.policy = 1;
  setup.max_entries = 1;
  return setup;
}

Op Does(Kind kind, int place = 0) {
  Op op;
  op.kind = kind;
  op.place = place;
  op.size = 100;
  return op;
}

}  // namespace

TEST_CASE("a cache that stores a load overtaken by a delete is caught") {
  class Broken : public Engine {
    double LoadBegin(double ns, const Text& key) override {
      const double load = Engine::LoadBegin(ns, key);
      begun_[load] = {ns, key};
      return load;
    }
    int32_t LoadCommit(double load, const Stored& stored, double now, bool store) override {
      const int32_t result = Engine::LoadCommit(load, stored, now, store);
      if (result != TIERCEL_OVERTAKEN || !store) return result;
      const int32_t slot = Engine::Set(begun_[load].first, begun_[load].second, stored, now);
      return slot < 0 ? result : slot;
    }
    std::map<double, std::pair<double, Text>> begun_;
  };
  RequireCaught<Broken>("a load that something overtook is not stored");
}

TEST_CASE("a cache that serves after a clear is caught") {
  RequireCaught<ClearsNothing<true>>("all that is invalidated is removed");
  RequireCaught<ClearsNothing<false>>("a hit was stored, not invalidated and is in time",
                                      {.values_as_bytes = true, .watched = false});
}

TEST_CASE("a cache that overlooks the last of several tags is caught") {
  class Broken : public Engine {
    double Invalidate(double ns, const std::vector<Text>& tags, double now) override {
      if (tags.size() < 2) return Engine::Invalidate(ns, tags, now);
      return Engine::Invalidate(ns, {tags.begin(), tags.end() - 1}, now);
    }
  };
  RequireCaught<Broken>("an invalidation counts what it removes");
}

TEST_CASE("a cache that serves an entry for a millisecond too long is caught") {
  class Broken : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      Stored late = stored;
      if (late.ttl != 0) late.ttl += 1;
      return Engine::Set(ns, key, late, now);
    }
  };
  RequireCaught<Broken>("the ttl is what is left of it");
}

TEST_CASE("a cache that serves stale entries to those who did not ask is caught") {
  class Broken : public Engine {
    int32_t Get(double ns, const Text& key, double now, uint32_t flags) override {
      return Engine::Get(ns, key, now, flags | TIERCEL_GET_STALE);
    }
  };
  RequireCaught<Broken>("a hit was stored, not invalidated and is in time");
}

TEST_CASE("a cache that loses a removal is caught") {
  class Broken : public Engine {
    double Delete(double ns, const Text& key, double now) override {
      const double result = Engine::Delete(ns, key, now);
      if (registers_[TIERCEL_R_REMOVALS] > 0) registers_[TIERCEL_R_REMOVALS]--;
      return result;
    }
  };
  RequireCaught<Broken>("what is deleted is removed");
}

TEST_CASE("a cache that tells a removal twice is caught") {
  class Broken : public Engine {
    int32_t RemovalAt(double ns, uint32_t i) override { return Engine::RemovalAt(ns, i / 2); }
  };
  RequireCaught<Broken>("is removed once", {.values_as_bytes = true, .watched = true});
}

TEST_CASE("a cache that gives the wrong cause is caught") {
  class Broken : public Engine {
    int32_t RemovalAt(double ns, uint32_t i) override {
      const int32_t slot = Engine::RemovalAt(ns, i);
      double& cause = registers_[TIERCEL_R_CAUSE];
      if (cause == int32_t{TIERCEL_CAUSE_EXPIRED}) cause = TIERCEL_CAUSE_SIZE;
      return slot;
    }
  };
  RequireCaught<Broken>("an entry is removed for the right cause");
}

TEST_CASE("a cache that keeps the old value of a key is caught") {
  class Broken : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      const auto old = Read(*this, ns, key, now, TIERCEL_GET_PEEK);
      Stored kept = stored;
      if (old && old->size() == stored.value.size()) kept.value = *old;
      return Engine::Set(ns, key, kept, now);
    }
  };
  RequireCaught<Broken>("a hit is the last value set", {.values_as_bytes = true, .watched = false});
}

TEST_CASE("a cache that takes two strings for one key is caught") {
  class Broken : public Engine {
    static Text Narrow(const Text& key) {
      std::u16string units = key.units();
      for (char16_t& unit : units) unit = unit >= 0xd800 && unit < 0xe000 ? u'\xfffd' : unit;
      return Text(std::u16string_view(units));
    }
    int32_t Get(double ns, const Text& key, double now, uint32_t flags) override {
      return Engine::Get(ns, Narrow(key), now, flags);
    }
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      return Engine::Set(ns, Narrow(key), stored, now);
    }
  };
  RequireCaught<Broken>("a removal has the key of the entry", {.values_as_bytes = true, .watched = true});
  RequireCaught<Broken>("a hit", {.values_as_bytes = true, .watched = false});
}

TEST_CASE("a cache that forgets some bytes in its accounts is caught") {
  class Broken : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      const int32_t result = Engine::Set(ns, key, stored, now);
      registers_[TIERCEL_R_BYTES] -= 24.0 * static_cast<double>(stored.tags.size());
      return result;
    }
  };
  RequireCaught<Broken>("bytes are the sum of all entries");
}

TEST_CASE("a cache that counts a peek as a read is caught") {
  class Broken : public Engine {
    int32_t Get(double ns, const Text& key, double now, uint32_t flags) override {
      return Engine::Get(ns, key, now, flags & ~static_cast<uint32_t>(TIERCEL_GET_PEEK));
    }
  };
  RequireCaught<Broken>("are counted");
}

TEST_CASE("a cache that lets a second caller begin a load in flight is caught") {
  class Broken : public Engine {
    double LoadBegin(double ns, const Text& key) override {
      const double load = Engine::LoadBegin(ns, key);
      if (registers_[TIERCEL_R_JOINED] == 0) return load;
      Engine::LoadEnd(load);
      return Engine::LoadBegin(ns, key);
    }
  };
  RequireCaught<Broken>("a load in flight that nothing overtook is joined");
}

TEST_CASE("a cache that forgets the tags noted for a load is caught") {
  class Broken : public Engine {
    int32_t LoadTags(double load, const std::vector<Text>&, const std::vector<Text>& keys) override {
      return Engine::LoadTags(load, {}, keys);
    }
  };
  RequireCaught<Broken>("a load in flight that nothing overtook is joined");
  RequireCaught<Broken>("a load that something overtook is not stored");
}

TEST_CASE("a cache whose iteration leaves one out is caught") {
  class Broken : public Engine {
    int32_t Next(double ns, int32_t slot, double iteration, double now) override {
      const int32_t next = Engine::Next(ns, slot, iteration, now);
      return next == 3 ? Engine::Next(ns, next, iteration, now) : next;
    }
  };
  RequireCaught<Broken>("an iteration meets");
}

TEST_CASE("a cache that goes back in time with the clock is caught") {
  class Broken : public Engine {
    // Forgets a deadline that passed: the entry is served again when the clock is set back.
    int32_t Get(double ns, const Text& key, double now, uint32_t flags) override {
      if (now < latest_) Engine::Touch(ns, key, 1000, now);
      latest_ = now > latest_ ? now : latest_;
      return Engine::Get(ns, key, now, flags);
    }
    double latest_ = 0;
  };
  RequireCaught<Broken>("the ttl is what is left of it");
}

TEST_CASE("a cache that evicts pinned entries is caught") {
  class Broken : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      Stored loose = stored;
      loose.pinned = false;
      return Engine::Set(ns, key, loose, now);
    }
  };
  RequireCaught<Broken>("an entry is removed for the right cause");
}

TEST_CASE("a cache that takes one key for another in dependencies is caught") {
  class Broken : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      Stored independent = stored;
      for (Text& other : independent.depends_on) other = "nobody";
      return Engine::Set(ns, key, independent, now);
    }
  };
  RequireCaught<Broken>("what depends on a key goes when it changes");
}

TEST_CASE("a cache that forgets the keys noted for a load is caught") {
  class Broken : public Engine {
    int32_t LoadTags(double load, const std::vector<Text>& tags, const std::vector<Text>&) override {
      return Engine::LoadTags(load, tags);
    }
  };
  RequireCaught<Broken>("a load that something overtook is not stored");
}

TEST_CASE("a cache that adds the wrong tags is caught") {
  class Broken : public Engine {
    int32_t AddTags(double ns, const Text& key, const std::vector<Text>& tags, double now) override {
      return Engine::AddTags(ns, key, std::vector<Text>(tags.size(), Text("nobody")), now);
    }
  };
  RequireCaught<Broken>("an entry has the tags it was set with");
}

TEST_CASE("a cache that renews where it should extend is caught") {
  class Broken : public Engine {
    int32_t Touch(double ns, const Text& key, double ttl, double now, TiercelTouchMode mode) override {
      return Engine::Touch(ns, key, ttl, now, mode == TIERCEL_TOUCH_EXTEND ? TIERCEL_TOUCH_RENEW : mode);
    }
  };
  RequireCaught<Broken>("the ttl is what is left of it");
}

TEST_CASE("a cache that overlooks a prefix or a pattern is caught") {
  class NoPrefix : public Engine {
    double InvalidatePrefix(double ns, const Text&, double now) override {
      return Engine::InvalidatePrefix(ns, "nobody", now);
    }
  };
  class NoPattern : public Engine {
    double InvalidatePattern(double ns, const Text&, double now) override {
      return Engine::InvalidatePattern(ns, "nobody", now);
    }
  };
  class WrongMatch : public Engine {
    int32_t Match(double ns, const Text& pattern, const Text& text) override {
      return pattern.bytes == "[ab]" && text.bytes == "b" ? 0 : Engine::Match(ns, pattern, text);
    }
  };
  RequireCaught<NoPrefix>("an invalidation counts what it removes");
  RequireCaught<NoPattern>("an invalidation counts what it removes");
  RequireCaught<WrongMatch>("a pattern matches");
}

TEST_CASE("a cache that does not do what waits is caught") {
  class Idle : public Engine {
    int32_t Sweep(double ns, uint32_t, double now) override { return Engine::Sweep(ns, 0, now); }
  };
  class Boasting : public Engine {
    int32_t Sweep(double ns, uint32_t most, double now) override { return Engine::Sweep(ns, most, now) + 1; }
  };
  class Late : public Engine {
    int32_t Set(double ns, const Text& key, const Stored& stored, double now) override {
      const int32_t slot = Engine::Set(ns, key, stored, now);
      registers_[TIERCEL_R_NEXT_DUE] += 1;
      return slot;
    }
  };
  RequireCaught<Idle>("sweeping comes to an end");
  RequireCaught<Boasting>("a sweep counts what it removes");
  RequireCaught<Late>("what is to be reclaimed is due");
}

TEST_CASE("a cache whose snapshots are not true is caught") {
  class LeavesOut : public Engine {
    int32_t SnapshotNext(double ns, int32_t slot, double now) override {
      const int32_t next = Engine::SnapshotNext(ns, slot, now);
      return next == 1 ? Engine::SnapshotNext(ns, next, now) : next;
    }
  };
  RequireCaught<LeavesOut>("a snapshot has all that may be served");
}

TEST_CASE("a cache is not blamed for an iteration past what was evicted and restored") {
  RequireRight({LruOfOne(),
                {Does(Kind::kSet, 1), Does(Kind::kSnapshot), Does(Kind::kNext), Does(Kind::kSet, 2),
                 Does(Kind::kRestore), Does(Kind::kNext)}});
}

TEST_CASE("a cache is not blamed for running out of memory when it restores") {
  Op fault = Does(Kind::kFault);
  fault.and_after = true;
  RequireRight({LruOfOne(),
                {Does(Kind::kSet, PlaceOf(1, 1)), Does(Kind::kSnapshot), Does(Kind::kSet, 2), fault,
                 Does(Kind::kRestore)}});
}

TEST_CASE("a cache is not blamed for what it has no room to restore, whenever its statistics are looked at") {
  Op resize = Does(Kind::kResize);
  resize.bytes = 150;
  Sequence sequence{Setup(), {Does(Kind::kSet, 1), Does(Kind::kSnapshot), resize, Does(Kind::kRestore)}};
  for (int calls = 0; calls < 16; calls++) {
    RequireRight(sequence);
    sequence.ops.insert(sequence.ops.begin(), Does(Kind::kDelete, 2));
  }
}

}  // namespace tiercel::test
