// A shared cache by eight threads at once.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "catch.h"
#include "random.h"
#include "thread.h"

namespace tiercel::test {
namespace {

constexpr int kThreads = 8;

// The order of what threads do, as far as it can be told: an operation lies between two readings.
std::atomic<uint64_t> clock_of_test = 0;
uint64_t Tick() { return ++clock_of_test; }

// An operation after which nothing older may be read: a set, a load (which counts from its beginning), or an
// invalidation.
struct Write {
  uint64_t begin;
  uint64_t end;
};
struct Read {
  uint64_t begin;
  uint64_t made;  // When the write that it read had ended, or its load begun.
};

// The interval rule: a read is wrong if between the end of the write that it saw and its own beginning lies,
// as a whole, another that covers its key.
size_t CountWrong(std::vector<Write> writes, const std::vector<Read>& reads) {
  std::sort(writes.begin(), writes.end(), [](const Write& a, const Write& b) { return a.end < b.end; });
  // The newest beginning of all that ended up to there.
  std::vector<uint64_t> newest;
  for (const Write& write : writes)
    newest.push_back(std::max(newest.empty() ? 0 : newest.back(), write.begin));
  return static_cast<size_t>(std::count_if(reads.begin(), reads.end(), [&](const Read& read) {
    const auto after = std::partition_point(writes.begin(), writes.end(),
                                            [&](const Write& write) { return write.end < read.begin; });
    return after != writes.begin() && newest[static_cast<size_t>(after - writes.begin()) - 1] > read.made;
  }));
}

constexpr uint32_t kChains = 4;
constexpr uint32_t kLinks = 3;

std::string KeyOf(uint32_t chain, uint32_t link) {
  return "c" + std::to_string(chain) + ":" + std::to_string(link);
}

// What is known of one key.
struct History {
  std::mutex mutex;
  std::vector<Write> writes;
  std::vector<Read> reads;
};

// Each thread does what comes at random to a few chains of keys, where each depends on the one before: sets,
// loads, gets, and invalidations of any kind. Values tell when they were made.
void Play(int operations, uint32_t shards, bool protect, std::vector<History>* histories) {
  const auto cache = OpenCache(shards);
  InThreads(kThreads, [&](int thread) {
    Client client(cache.get());
    Random random(static_cast<uint64_t>(thread) + 1);
    // A write of a link is one of those after it: they depend on it.
    const auto wrote = [&](uint32_t chain, uint32_t first, uint64_t begin, uint64_t end) {
      for (uint32_t link = first; link < kLinks; link++) {
        History& history = (*histories)[chain * kLinks + link];
        const std::lock_guard<std::mutex> guard(history.mutex);
        history.writes.push_back({begin, end});
      }
    };
    for (int i = 0; i < operations; i++) {
      const uint32_t chain = random.Below(kChains);
      const uint32_t link = random.Below(kLinks);
      const std::string key = KeyOf(chain, link);
      Stored stored;
      stored.tags = {"chain" + std::to_string(chain)};
      // All of them: what is absent has nothing that could be inherited.
      for (uint32_t before = 0; before < link; before++) stored.depends_on.push_back(KeyOf(chain, before));
      switch (random.Below(16)) {
        case 0:
        case 1: {
          const uint64_t begin = Tick();
          stored.value = std::to_string(begin);
          client.Set(key, stored);
          wrote(chain, link, begin, Tick());
          break;
        }
        case 2:
        case 3:
        case 4: {
          const double load = client.LoadBegin(key);
          if (client.joined()) break;
          // Else it is known only at the end.
          if (random.Below(2) == 0) client.LoadTags(load, stored.tags, stored.depends_on);
          // What the loader reads is as new as this.
          stored.value = std::to_string(Tick());
          if (random.Below(4) == 0) std::this_thread::yield();
          if (!protect) {
            // As if loads were plain sets, which is what the rule is there to find.
            client->LoadEnd(load, Outcome::Kind::kGone, {}, 0);
            client.Set(key, stored);
          } else if (random.Below(8) == 0) {
            client->LoadEnd(load, Outcome::Kind::kGone, {}, 0);
          } else {
            client.LoadCommit(load, stored);
          }
          break;
        }
        case 5: {
          const uint64_t begin = Tick();
          client.Delete(key);
          wrote(chain, link, begin, Tick());
          break;
        }
        case 6: {
          const uint64_t begin = Tick();
          switch (random.Below(3)) {
            case 0:
              client.InvalidateTags(stored.tags);
              break;
            case 1:
              client->InvalidatePrefix(1, NameOf(Text("c" + std::to_string(chain) + ":")), 0);
              break;
            default:
              client->InvalidatePattern(1, NameOf(Text("c" + std::to_string(chain) + "*")), 0);
          }
          wrote(chain, 0, begin, Tick());
          break;
        }
        case 7: {
          if (random.Below(8) != 0) break;
          const uint64_t begin = Tick();
          client->Clear(1, 0);
          const uint64_t end = Tick();
          for (uint32_t c = 0; c < kChains; c++) wrote(c, 0, begin, end);
          break;
        }
        default: {
          const uint64_t begin = Tick();
          const auto value = client.Get(key);
          if (!value.has_value()) break;
          History& history = (*histories)[chain * kLinks + link];
          const std::lock_guard<std::mutex> guard(history.mutex);
          // A set is told by its beginning; its end is looked up.
          history.reads.push_back({begin, std::stoull(*value)});
        }
      }
    }
  });
}

// A read names the beginning of the write that it saw, or a moment within its load: nothing that began after
// that moment was over when... the set's own record is no reason to call it wrong.
size_t WrongIn(std::vector<History>* histories, size_t* reads) {
  size_t wrong = 0;
  for (History& history : *histories) {
    std::vector<Read> seen = history.reads;
    for (Read& read : seen) {
      for (const Write& write : history.writes) {
        if (write.begin == read.made) {
          read.made = write.end;
          break;
        }
      }
    }
    *reads += seen.size();
    wrong += CountWrong(history.writes, seen);
  }
  return wrong;
}

}  // namespace

TEST_CASE("the interval rule finds a value that is too old, and no other") {
  const std::vector<Write> writes = {{1, 2}, {5, 8}, {10, 20}};
  REQUIRE(CountWrong(writes, {{9, 2}}) == 1);  // The set of 5 to 8 lies between.
  REQUIRE(CountWrong(writes, {{7, 2}}) == 0);  // It was not over.
  REQUIRE(CountWrong(writes, {{9, 8}, {15, 8}}) == 0);
  REQUIRE(CountWrong(writes, {{21, 8}}) == 1);
  REQUIRE(CountWrong(writes, {{21, 11}}) == 0);  // Made while the last was under way.
}

TEST_CASE("no thread reads what another has invalidated") {
  for (const uint32_t shards : {1U, 4U, 16U}) {
    std::vector<History> histories(size_t{kChains} * kLinks);
    Play(4000, shards, true, &histories);
    size_t reads = 0;
    REQUIRE(WrongIn(&histories, &reads) == 0);
    REQUIRE(reads > 500);
  }
}

TEST_CASE("without the protection of loads the rule is seen to be broken") {
  size_t wrong = 0;
  for (int attempt = 0; attempt < 50 && wrong == 0; attempt++) {
    std::vector<History> histories(size_t{kChains} * kLinks);
    size_t reads = 0;
    Play(4000, 4, false, &histories);
    wrong = WrongIn(&histories, &reads);
  }
  REQUIRE(wrong > 0);
}

TEST_CASE("of what eight threads count nothing is lost") {
  constexpr int kEach = 5000;
  const auto cache = OpenCache(4);
  InThreads(kThreads, [&](int) {
    Client client(cache.get());
    for (int done = 0; done < kEach;) {
      // A load is a lock: one thread has it, and those that join try again when it is over.
      const double load = client.LoadBegin("lock");
      if (client.joined()) {
        while (client->TakeOutcome() == 0) std::this_thread::yield();
        continue;
      }
      const auto count = client.Get("count");
      client.Set("count", {.value = std::to_string(count.has_value() ? std::stoi(*count) + 1 : 1)});
      client->LoadEnd(load, Outcome::Kind::kGone, {}, 0);
      done++;
    }
  });
  Client client(cache.get());
  REQUIRE(client.Get("count") == std::to_string(kThreads * kEach));
}

TEST_CASE("one of many threads loads, and all others are told") {
  const auto cache = OpenCache(4);
  std::atomic<int> loaders = 0;
  std::atomic<int> right = 0;
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; round++) {
    std::atomic<int> asked = 0;
    InThreads(kThreads, [&](int) {
      Client client(cache.get());
      const std::string key = std::to_string(round);
      const double load = client.LoadBegin(key);
      asked++;
      if (client.joined()) {
        while (client->TakeOutcome() == 0) std::this_thread::yield();
        right += client.Value() == key ? 1 : 0;
      } else {
        loaders++;
        while (asked != kThreads) std::this_thread::yield();
        client.LoadCommit(load, {.value = key});
        right++;
      }
    });
  }
  REQUIRE(loaders == kRounds);
  REQUIRE(right == kRounds * kThreads);
}

TEST_CASE("threads open, use and close caches of the same names, and the last takes them away") {
  std::atomic<int> failures = 0;
  InThreads(kThreads, [&](int thread) {
    Random random(static_cast<uint64_t>(thread) + 1);
    for (int i = 0; i < 300; i++) {
      const std::string name = "\"n" + std::to_string(random.Below(3)) + "\"";
      SharedCache* cache = nullptr;
      std::string said;
      if (node::Registry::Process().Open(name, "same", OptionsOf(4), &cache, &said) !=
          node::Registry::Opened::kYes) {
        failures++;
        continue;
      }
      {
        Client client(cache);
        if (random.Below(2) == 0) client->Watch(node::kRemovals);
        for (int n = 0; n < 20; n++) {
          const std::string key = std::to_string(random.Below(50));
          client.Set(key, {.tags = {"t"}});
          client.Get(key);
          client.LoadBegin("load" + key);
          if (n == 10) client.InvalidateTags({"t"});
        }
      }
      node::Registry::Process().Close(cache);
    }
  });
  REQUIRE(failures == 0);
  int left = 0;
  node::Registry::Process().ForEach([&](const std::string&, uint32_t, const SharedCache&) { left++; });
  REQUIRE(left == 0);
}

TEST_CASE("a cache is opened again only with the same description") {
  SharedCache* cache = nullptr;
  SharedCache* other = nullptr;
  std::string said;
  auto& registry = node::Registry::Process();
  REQUIRE(registry.Open("\"x\"", "one", OptionsOf(4), &cache, &said) == node::Registry::Opened::kYes);
  REQUIRE(registry.Open("\"x\"", "two", OptionsOf(4), &other, &said) ==
          node::Registry::Opened::kOtherOptions);
  REQUIRE(said == "one");
  REQUIRE(registry.Open("\"x\"", "one", OptionsOf(4), &other, &said) == node::Registry::Opened::kYes);
  REQUIRE(other == cache);
  registry.ForEach([&](const std::string& name, uint32_t references, const SharedCache&) {
    REQUIRE(name == "\"x\"");
    REQUIRE(references == 2);
  });
  registry.Close(cache);
  registry.Close(cache);
  SharedOptions bad = OptionsOf(1);
  bad.shards[0] = R"({"maxEntries":-1})";
  said.clear();
  REQUIRE(registry.Open("\"x\"", "two", bad, &cache, &said) == node::Registry::Opened::kRefused);
  REQUIRE(said.find("maxEntries") != std::string::npos);
}

TEST_CASE("each removal is told once to each that listens, whatever thread it happens in") {
  const auto cache = OpenCache(4);
  std::atomic<uint64_t> told = 0;
  std::atomic<int> running = kThreads;
  Client listener(cache.get());
  listener->Watch(node::kRemovals);
  const auto take = [&] {
    listener->Size(1);
    told += static_cast<uint64_t>(listener.Register(TIERCEL_R_REMOVALS));
    listener->RemovalsClear();
  };
  std::thread taking([&] {
    while (running != 0) {
      take();
      std::this_thread::yield();
    }
  });
  std::atomic<uint64_t> sets = 0;
  InThreads(kThreads, [&](int thread) {
    Client client(cache.get());
    Random random(static_cast<uint64_t>(thread) + 1);
    for (int i = 0; i < 2000; i++) {
      client.Set(std::to_string(random.Below(100)));
      sets++;
    }
    running--;
  });
  taking.join();
  Client last(cache.get());
  last->Clear(1, 0);
  take();
  // Each value that came in left.
  REQUIRE(told == sets);
}

}  // namespace tiercel::test
