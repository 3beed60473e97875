#include "genesis/simulation.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "common/crypto/entropy.hpp"
#include "common/method/table_reading.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/secure/primitives.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/text_table.hpp"
#include "worker/budget.hpp"

namespace genesis {
namespace {

Result<tabular::Table> read(const SiteTable& site, const spec::FederatedTraining& training) {
  const auto reading = method::table_reading(training, site.site);
  const tabular::TableSource source{site.data, site.csv, site.columns};
  return training.privacy.differential_privacy
             ? tabular::read_text_table(source, site.site, reading.options())
             : tabular::read_table(source, site.site, reading.options());
}

// Keeps what a site sends, so that the aggregator hears the sites in the order of the roster and
// not in that in which their threads end.
class Outbox final : public worker::Link {
 public:
  explicit Outbox(worker::Link& aggregator) : aggregator_(aggregator) {}

  Result<std::string> fetch(CollectionId collection, const wire::DocumentName& document) override {
    return aggregator_.fetch(collection, document);
  }
  Status send(const rounds::Contribution& contribution) override {
    kept_.push_back(contribution);
    return {};
  }
  Status deliver() const {
    for (const auto& contribution : kept_) {
      GENESIS_RETURN_IF_ERROR(aggregator_.send(contribution));
    }
    return {};
  }

 private:
  worker::Link& aggregator_;
  std::vector<rounds::Contribution> kept_;
};

// A ledger tells runs apart by their names; without one they are told nothing by it.
std::string run_name(const spec::FederatedTraining& training) {
  if (!training.privacy.differential_privacy) {
    return "simulation";
  }
  crypto::SystemEntropy entropy;
  return "simulation-" + crypto::random_id(entropy);
}

// What one site is to do, and what came of it.
struct Turn {
  worker::Site* site;
  wire::Task task;
  Outbox outbox;
  Status done = {};
};

// Lets the sites answer, as many at once as there are cores.
Status answer_all(std::vector<Turn>& turns) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < turns.size(); i = next++) {
      auto& turn = turns[i];
      const auto answered = turn.site->answer(turn.task, turn.outbox);
      if (!answered) {
        turn.done = tl::unexpected(answered.error());
      } else if (*answered == worker::Site::Answered::kRefused) {
        turn.done = fail(Errc::kFailedPrecondition, turn.site->why_refused());
      }
    }
  };
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> threads;
  for (std::size_t t = 1; t < std::min(cores, turns.size()); ++t) {
    threads.emplace_back(work);
  }
  work();
  threads.clear();
  for (auto& turn : turns) {
    GENESIS_RETURN_IF_ERROR(std::move(turn.done));
    GENESIS_RETURN_IF_ERROR(turn.outbox.deliver());
  }
  return {};
}

}  // namespace

Result<std::string> MemoryLink::fetch(CollectionId collection, const wire::DocumentName& document) {
  const std::scoped_lock lock(mutex_);
  GENESIS_ASSIGN(const auto served, coordinator_.document(collection, document.name));
  return *served.bytes;
}

Status MemoryLink::send(const rounds::Contribution& contribution) {
  const std::scoped_lock lock(mutex_);
  return coordinator_.contribute("", contribution, clock_.now());
}

Result<std::vector<worker::Site>> simulated_sites(const spec::FederatedTraining& training,
                                                  const std::vector<SiteTable>& tables,
                                                  const SiteFiles& files,
                                                  std::stop_token stop) {
  for (const auto& table : tables) {
    if (std::ranges::none_of(training.participants,
                             [&](const auto& p) { return p.name == table.site; })) {
      return fail(Errc::kInvalidArgument,
                  "tables: " + table.site + " is not among spec.participants; add it there");
    }
  }
  std::optional<secure::PaillierKey> key;
  if (!files.paillier_key.empty()) {
    GENESIS_ASSIGN(key, secure::read_paillier_key(files.paillier_key));
  }
  std::vector<worker::Site> made;
  for (const auto& participant : training.participants) {
    GENESIS_ASSIGN(auto id, ClientId::parse(participant.name));
    auto table = std::ranges::find(tables, participant.name, &SiteTable::site);
    SiteTable source{participant.name, participant.data_path.value_or(""), ""};
    if (table != tables.end()) {
      source = *table;
    } else if (source.data.empty()) {
      return fail(Errc::kInvalidArgument,
                  "spec.participants[" + participant.name +
                      "]: has no data.path and no table was given for it");
    }
    auto rows = read(source, training);
    if (!rows) {
      return tl::unexpected(rows.error().within(participant.name));
    }
    GENESIS_ASSIGN(auto account, worker::open_account(training, {files.ledger, participant.name}));
    GENESIS_ASSIGN(auto site,
                   worker::Site::create(std::move(id),
                                        training,
                                        std::move(*rows),
                                        tabular::SitePolicy{},
                                        1.0,
                                        {.stop = stop},
                                        method::Audience::kOneself,
                                        std::move(account)));
    if (training.privacy.secure_aggregation) {
      GENESIS_ASSIGN(auto signer, secure::Signer::from_pem(secure::make_signing_key()));
      GENESIS_RETURN_IF_ERROR(site.protect(std::move(signer), {}, key));
    }
    made.push_back(std::move(site));
  }
  if (made.empty()) {
    return fail(Errc::kInvalidArgument,
                "spec.participants: empty, and no tables were given; nothing to train on");
  }
  return made;
}

Result<std::string> simulate(const spec::FederatedTraining& training,
                             std::vector<worker::Site> sites,
                             const SimulationObserver& observer) {
  const SteadyClock clock;
  GENESIS_ASSIGN(auto coordinator,
                 aggregator::Coordinator::start(training, run_name(training), clock.now()));
  coordinator.on_folded(observer.on_folded);
  if (observer.on_round) {
    coordinator.on_checkpoint(
        [&](const wire::Checkpoint& closed) { observer.on_round(closed.round); });
  }
  std::string refusal;  // of the first site that was
  for (auto& site : sites) {
    auto reply = coordinator.join(site.join_request(), "", true, clock.now());
    if (!reply && reply.error().code != Errc::kInvalidArgument) {
      return tl::unexpected(reply.error());
    }
    if (reply) {
      site.joined(std::move(reply->run));
    } else {
      refusal = refusal.empty() ? reply.error().message : refusal;
    }
  }
  if (coordinator.state().phase == rounds::Phase::kJoining) {  // nobody else is to come
    coordinator.tick(clock.now() + coordinator.config().start_deadline);
  }
  std::erase_if(sites, [&](const worker::Site& site) {
    return !coordinator.state().members.contains(site.client());
  });
  MemoryLink link(coordinator, clock);
  while (!coordinator.is_over()) {
    if (observer.stop.stop_requested()) {
      return fail(Errc::kUnavailable, "stopped before the training was over");
    }
    if (const auto work = coordinator.take_work()) {
      work();
      coordinator.worked(clock.now());
      continue;
    }
    std::vector<Turn> turns;
    for (auto& site : sites) {
      GENESIS_ASSIGN(auto task, coordinator.task({site.client()}, clock.now()));
      if (std::holds_alternative<wire::Contribute>(task)) {
        turns.push_back({&site, std::move(task), Outbox(link)});
      }
    }
    GENESIS_RETURN_IF_ERROR(answer_all(turns));
    if (observer.on_progress) {
      observer.on_progress(coordinator.status(clock.now()));
    }
  }
  if (coordinator.model().empty()) {
    return fail(
        Errc::kFailedPrecondition,
        "training failed: " + coordinator.state().reason + (refusal.empty() ? "" : "; " + refusal));
  }
  return coordinator.model();
}

}  // namespace genesis
