// What becomes of honest sites when something goes wrong that is not theirs: a refused update, a
// rollback, a site among them that does not fit.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/federation/round_files.hpp"
#include "common/model/threads.hpp"
#include "common/spec/parse.hpp"
#include "genesis/simulation.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;

namespace {

constexpr const char* kSpec = R"(
apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: small}
spec:
  seed: 5
  model: {embeddingDim: 4, generatorDims: [8], discriminatorDims: [8], pac: 1}
  rounds: {count: 4, minClients: 2, maxFailures: 9}
  local: {epochs: 1, batchSize: 10}
  participants:
    - {name: a, external: true}
    - {name: b, external: true}
)";

std::string rows_of(int site, const std::string& header = "age,group") {
  std::string csv = header + "\n";
  for (int i = 0; i < 30 + site; ++i) {
    csv += std::to_string(20 + (i * 7 + site) % 50) + "," + "abc"[i % 3] + "\n";
  }
  return csv;
}

// Refuses the contribution to one collection, and keeps what is sent.
class Refusing final : public worker::Link {
 public:
  explicit Refusing(worker::Link& sound) : sound_(sound) {}
  Result<std::string> fetch(CollectionId collection, const wire::DocumentName& document) override {
    return sound_.fetch(collection, document);
  }
  Status send(const rounds::Contribution& contribution) override {
    sent.push_back(contribution);
    return contribution.collection == refused ? Status(fail(Errc::kInvalidArgument, "spoilt"))
                                              : sound_.send(contribution);
  }

  CollectionId refused;
  std::vector<rounds::Contribution> sent;

 private:
  worker::Link& sound_;
};

struct World {
  World()
      : coordinator(*aggregator::Coordinator::start(training, "run", clock.now())),
        sound(coordinator, clock),
        link(sound) {
    model::use_one_thread();
    coordinator.on_checkpoint([this](const wire::Checkpoint& saved) { kept.push_back(saved); });
    for (int i = 0; i < 2; ++i) {
      sites.push_back(start(i));
      join(sites.back());
    }
  }
  worker::Site start(int i) {
    const std::string name = i == 0 ? "a" : "b";
    auto table = *tabular::parse_csv(rows_of(i), name);
    auto site = *worker::Site::create(*ClientId::parse(name), training, std::move(table));
    if (keeps_state) {
      REQUIRE(site.keep_state(*federation::RoundFiles::open(folder / name)));
    }
    return site;
  }
  void join(worker::Site& site) {
    auto reply = coordinator.join(site.join_request(), "", true, clock.now());
    REQUIRE(reply);
    site.joined(reply->run);
  }
  worker::Site::Answered turn(std::size_t i) {
    const auto task = coordinator.task({sites[i].client()}, clock.now());
    REQUIRE(task);
    const auto answered = sites[i].answer(*task, link);
    REQUIRE(answered);
    return *answered;
  }
  void until_round(std::uint32_t round) {
    while (coordinator.state().open.request.round.value < round) {
      turn(0);
      turn(1);
    }
  }
  void until_over() {
    for (int turns = 0; !coordinator.is_over(); ++turns) {
      REQUIRE(turns < 100);
      turn(0);
      turn(1);
    }
  }
  [[nodiscard]] wire::Checkpoint checkpoint_of(std::uint32_t round) const {
    return *std::ranges::find(kept, RoundId{round}, &wire::Checkpoint::round);
  }

  bool keeps_state = true;
  TemporaryFolder folder;
  spec::FederatedTraining training = *spec::parse(kSpec, "test");
  SteadyClock clock;
  std::vector<wire::Checkpoint> kept;
  aggregator::Coordinator coordinator;
  MemoryLink sound;
  Refusing link;
  std::vector<worker::Site> sites;
};

}  // namespace

TEST_CASE("genesis: a site whose update is refused sends none of that round and goes on",
          "[genesis]") {
  World world;
  world.until_round(1);
  world.link.refused = world.coordinator.state().open.id;
  world.link.sent.clear();
  CHECK(world.turn(0) == worker::Site::Answered::kRefused);
  CHECK(world.turn(0) == worker::Site::Answered::kRefused);
  CHECK(world.link.sent.size() == 1);
  CHECK(world.sites[0].why_refused() == "spoilt");
  // The round closes without it; here by the hand of an administrator who goes back and asks anew.
  REQUIRE(world.coordinator.roll_back(world.checkpoint_of(0), world.clock.now()));
  CHECK(world.turn(0) == worker::Site::Answered::kContributed);
  world.until_over();
  CHECK_FALSE(world.coordinator.model().empty());
}

TEST_CASE("genesis: after a rollback sites that keep state train as they did the first time",
          "[genesis]") {
  World undisturbed;
  undisturbed.until_over();
  World world;
  world.until_round(3);
  REQUIRE(world.coordinator.roll_back(world.checkpoint_of(1), world.clock.now()));
  // One of them is started again in between: what it kept of later rounds is no state to go on
  // from.
  world.sites[1] = world.start(1);
  world.join(world.sites[1]);
  world.until_over();
  CHECK(world.coordinator.model() == undisturbed.coordinator.model());
}

TEST_CASE("genesis: the majority trains on without a site that does not fit", "[genesis]") {
  const auto spec = *spec::parse(std::string(kSpec) + "    - {name: c, external: true}\n", "test");
  const auto simulated = [&](const std::string& header) {
    auto sites = *simulated_sites(
        spec, {{"a", "", rows_of(0)}, {"b", "", rows_of(1)}, {"c", "", rows_of(2, header)}});
    return simulate(spec, std::move(sites), {});
  };
  CHECK(simulated("age,group"));
  const auto without = simulated("age,grp");
  REQUIRE(without);
  CHECK(*without != *simulated("age,group"));
}

TEST_CASE("genesis: two sites that differ end a simulation with both named", "[genesis]") {
  const auto spec = *spec::parse(kSpec, "test");
  auto sites = *simulated_sites(spec, {{"a", "", rows_of(0)}, {"b", "", rows_of(1, "age,grp")}});
  const auto failed = simulate(spec, std::move(sites), {});
  REQUIRE_FALSE(failed);
  CHECK_THAT(failed.error().message, ContainsSubstring("column 'group' of client 'a'"));
}
