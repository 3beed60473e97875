// A training in memory whose links lose, repeat, alter, hold back and replay what they carry, and
// whose sites are started again when that ends them: it ends in the bytes of an undisturbed one.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "common/base/rng.hpp"
#include "common/federation/round_files.hpp"
#include "common/model/threads.hpp"
#include "common/spec/parse.hpp"
#include "genesis/simulation.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;

namespace {

constexpr const char* kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 1}
  rounds: {count: 4, minClients: 2, maxFailures: 1000}
  local: {epochs: 1, batchSize: 10}
  communication: {quantization: int8}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
)";

enum class Fault { kNone, kLoseRequest, kLoseAnswer, kTwice, kAltered, kHoldBack, kReplay };
constexpr std::uint64_t kFaults = 7;

std::string rows_of(int site) {
  std::string csv = "age,group\n";
  for (int i = 0; i < 30 + site; ++i) {
    csv += std::to_string(20 + (i * 7 + site) % 50) + "," + "abc"[i % 3] + "\n";
  }
  return csv;
}

// Wraps a sound link. Which fault comes next is drawn.
class Misbehaving final : public worker::Link {
 public:
  Misbehaving(worker::Link& sound, Rng rng) : sound_(sound), rng_(rng) {}

  Result<std::string> fetch(CollectionId collection, const wire::DocumentName& document) override {
    const auto fault = next_fault();
    if (fault == Fault::kLoseRequest || fault == Fault::kLoseAnswer) {
      return fail(Errc::kUnavailable, "cut");
    }
    auto bytes = sound_.fetch(collection, document);
    if (bytes && fault == Fault::kAltered) {
      bytes->back() = static_cast<char>(bytes->back() ^ 1);
    }
    return bytes;
  }

  Status send(const rounds::Contribution& contribution) override {
    const auto fault = next_fault();
    if (fault == Fault::kLoseRequest || fault == Fault::kAltered) {
      return fail(Errc::kUnavailable, "cut");
    }
    if (fault == Fault::kReplay && old_) {
      static_cast<void>(sound_.send(*old_));  // of an earlier collection: refused, or known
    }
    if (fault == Fault::kHoldBack) {
      held_ = contribution;  // the other site's arrives first
      return {};
    }
    auto sent = sound_.send(contribution);
    if (fault == Fault::kTwice) {
      sent = sound_.send(contribution);
    }
    old_ = contribution;
    return fault == Fault::kLoseAnswer ? Status(fail(Errc::kUnavailable, "cut")) : sent;
  }

  void deliver() {
    if (held_) {
      REQUIRE(sound_.send(*held_));
      old_ = std::move(*held_);
      held_.reset();
    }
  }
  void behave() { behaves_ = true; }
  [[nodiscard]] int faults() const { return faults_; }

 private:
  Fault next_fault() {
    const bool is_sound = behaves_ || rng_.below(2) == 0;
    const auto fault = is_sound ? Fault::kNone : static_cast<Fault>(rng_.below(kFaults));
    faults_ += fault == Fault::kNone ? 0 : 1;
    return fault;
  }

  worker::Link& sound_;
  Rng rng_;
  bool behaves_ = false;
  int faults_ = 0;
  std::optional<rounds::Contribution> held_, old_;
};

class World {
 public:
  explicit World(std::uint64_t seed) : seed_(seed) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "genesis-misbehaving-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~World() { std::filesystem::remove_all(folder_); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::string train(bool misbehaves) {
    const auto training = *spec::parse(kSpec, "test");
    const SteadyClock clock;
    auto coordinator = *aggregator::Coordinator::start(training, "run", clock.now());
    MemoryLink sound(coordinator, clock);
    std::vector<std::unique_ptr<Misbehaving>> links;
    std::vector<worker::Site> sites;
    for (int i = 0; i < 2; ++i) {
      links.push_back(std::make_unique<Misbehaving>(
          sound, Rng(seed_, RoundId{0}, i == 0 ? "a" : "b", "faults")));
      if (!misbehaves) {
        links.back()->behave();
      }
      sites.push_back(start(training, i));
      join(coordinator, sites.back(), clock);
    }
    for (int turn = 0; !coordinator.is_over(); ++turn) {
      REQUIRE(turn < 2000);
      for (int i = 0; i < 2; ++i) {
        auto& site = sites[static_cast<std::size_t>(i)];
        const auto task = coordinator.task({site.client()}, clock.now());
        REQUIRE(task);
        if (!site.answer(*task, *links[static_cast<std::size_t>(i)])) {
          site = start(training, i);  // its process has ended; it is started again
          join(coordinator, site, clock);
          ++restarts_;
        }
      }
      for (auto& link : links) {
        link->deliver();
      }
    }
    for (const auto& link : links) {
      faults_ += link->faults();
    }
    return coordinator.model();
  }

  [[nodiscard]] int restarts() const { return restarts_; }
  [[nodiscard]] int faults() const { return faults_; }

 private:
  worker::Site start(const spec::FederatedTraining& training, int i) {
    const std::string name = i == 0 ? "a" : "b";
    auto table = *tabular::parse_csv(rows_of(i), name);
    auto site = *worker::Site::create(*ClientId::parse(name), training, std::move(table));
    REQUIRE(site.keep_state(*federation::RoundFiles::open(folder_ / name)));
    return site;
  }
  static void join(aggregator::Coordinator& coordinator, worker::Site& site, const Clock& clock) {
    auto reply = coordinator.join(site.join_request(), "", true, clock.now());
    REQUIRE(reply);
    site.joined(reply->run);
  }

  std::uint64_t seed_;
  std::filesystem::path folder_;
  int restarts_ = 0;
  int faults_ = 0;
};

}  // namespace

TEST_CASE("genesis: links that misbehave change no byte of the model", "[genesis][property]") {
  model::use_one_thread();
  const auto expected = World(0).train(false);
  REQUIRE_FALSE(expected.empty());
  int faults = 0;
  int restarts = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    World world(seed);
    CHECK(world.train(true) == expected);
    faults += world.faults();
    restarts += world.restarts();
  }
  CHECK(faults > 100);
  CHECK(restarts > 40);
}
