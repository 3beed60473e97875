// Trainings, servers and clients as genesis._core has them: each runs on a thread of the engine,
// and Python asks it for what has happened.
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "core/bindings.hpp"
#include "core/engine_error.hpp"
#include "core/job.hpp"
#include "core/table.hpp"
#include "genesis/federated_client.hpp"
#include "genesis/federated_server.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace nb = nanobind;

namespace genesis::python {
namespace {

std::optional<crypto::Secret> secret_of(std::optional<std::string> text) {
  if (!text) {
    return std::nullopt;
  }
  return crypto::Secret(*std::move(text));
}

std::chrono::milliseconds patience_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000.0));
}

const char* kind_name(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::kRoundComplete:
      return "round_complete";
    case Event::Kind::kTrainComplete:
      return "train_complete";
    case Event::Kind::kCheckpoint:
      return "checkpoint";
    case Event::Kind::kDisclosure:
      return "disclosure";
  }
  return "";
}

// (kind, round, total rounds, clients, rows, text, telemetry)
nb::list tuples_of(const std::vector<Event>& events) {
  nb::list list;
  for (const auto& event : events) {
    list.append(nb::make_tuple(kind_name(event.kind),
                               event.round,
                               event.total_rounds,
                               event.clients,
                               event.rows,
                               event.text,
                               event.telemetry));
  }
  return list;
}

RoundCallback round_teller(Job::Events& events) {
  return [&events](std::uint32_t round, const RoundMetrics& metrics, std::size_t clients) {
    events.tell({.kind = Event::Kind::kRoundComplete,
                 .round = round,
                 .total_rounds = metrics.total_rounds,
                 .clients = clients,
                 .telemetry = metrics.telemetry});
  };
}

MetricsCallback train_teller(Job::Events& events) {
  return [&events](const TrainMetrics& metrics) {
    events.tell({.kind = Event::Kind::kTrainComplete,
                 .round = metrics.round,
                 .rows = metrics.rows,
                 .text = metrics.client,
                 .telemetry = metrics.telemetry});
  };
}

CheckpointCallback checkpoint_teller(Job::Events& events) {
  return [&events](const SavedCheckpoint& saved) {
    events.tell(
        {.kind = Event::Kind::kCheckpoint, .round = saved.round, .text = saved.path.string()});
  };
}

// Lets tables go before the work is over: that takes the GIL, which whoever joins the thread has.
template <typename Tables>
void let_go(Tables& tables) {
  tables = {};
}

// Where the work cannot be set up, the caller hears of it at once; what the callbacks capture is
// set before the work begins, as Job runs it.
std::unique_ptr<Job> start_fit(std::string text,
                               std::string name,
                               const Overrides& overrides,
                               std::vector<std::pair<std::string, std::shared_ptr<Table>>> sites,
                               const std::string& ledger,
                               const std::string& paillier_key) {
  auto options = std::make_shared<FitOptions>();
  options->spec = std::move(text);
  options->spec_name = std::move(name);
  options->overrides = overrides_of(overrides);
  for (const auto& [site, table] : sites) {
    options->tables.push_back({site, {}, table->csv(), table->columns()});
  }
  options->ledger = ledger;
  options->paillier_key = paillier_key;
  auto stop = std::make_shared<std::stop_source>();
  options->stop = stop->get_token();
  auto work = [options, held = std::make_shared<decltype(sites)>(std::move(sites))](
                  Job::Events& events) -> Result<std::optional<std::string>> {
    options->on_round_complete = round_teller(events);
    options->on_metrics = train_teller(events);
    const auto fitted = FederatedSynthesizer::fit(*options);
    let_go(*held);
    if (!fitted) {
      return tl::unexpected(fitted.error());
    }
    return fitted->model().bytes;
  };
  return std::make_unique<Job>(std::move(work), [stop] { stop->request_stop(); });
}

// A server that closes its listener once its training is over, whoever still holds this.
class OpenServer {
 public:
  explicit OpenServer(FederatedServer server) : server_(std::move(server)) {}

  [[nodiscard]] std::string url() const {
    const std::scoped_lock lock(mutex_);
    return server_ ? server_->url() : "";
  }
  [[nodiscard]] std::string metrics_url() const {
    const std::scoped_lock lock(mutex_);
    return server_ ? server_->metrics_url() : "";
  }
  Result<TrainedModel> run() {
    auto model = server_->run();  // stop() and others look at it meanwhile, nobody changes it
    const std::scoped_lock lock(mutex_);
    server_.reset();
    return model;
  }
  void stop() {
    const std::scoped_lock lock(mutex_);
    if (server_) {
      server_->stop();
    }
  }

 private:
  mutable std::mutex mutex_;  // guards that there is one
  std::optional<FederatedServer> server_;
};

class ServerJob {
 public:
  explicit ServerJob(ServerOptions options) : events_(std::make_shared<Relay>()) {
    ServerCallbacks callbacks;
    callbacks.on_round_complete =
        [relay = events_](std::uint32_t round, const RoundMetrics& metrics, std::size_t clients) {
          round_teller (*relay->events)(round, metrics, clients);
        };
    callbacks.on_metrics = [relay = events_](const TrainMetrics& metrics) {
      train_teller (*relay->events)(metrics);
    };
    callbacks.on_checkpoint = [relay = events_](const SavedCheckpoint& saved) {
      checkpoint_teller (*relay->events)(saved);
    };
    server_ = std::make_shared<OpenServer>(
        take(FederatedServer::start(std::move(options), std::move(callbacks))));
  }

  [[nodiscard]] std::string url() const { return server_->url(); }
  [[nodiscard]] std::string metrics_url() const { return server_->metrics_url(); }
  /// Once.
  std::unique_ptr<Job> run() {
    auto work = [relay = std::move(events_),
                 server = server_](Job::Events& events) -> Result<std::optional<std::string>> {
      relay->events = &events;
      GENESIS_ASSIGN(auto model, server->run());
      return std::move(model.bytes);
    };
    return std::make_unique<Job>(std::move(work), [server = server_] { server->stop(); });
  }

 private:
  // The server has its callbacks before the job that they tell exists; none is called before run().
  struct Relay {
    Job::Events* events = nullptr;
  };
  std::shared_ptr<Relay> events_;
  std::shared_ptr<OpenServer> server_;
};

std::unique_ptr<Job> run_client(ClientOptions options,
                                std::shared_ptr<Table> table,
                                bool is_dry_run) {
  auto slot = std::make_shared<Job::Events*>(nullptr);
  ClientCallbacks callbacks;
  callbacks.on_train_complete = [slot](const TrainMetrics& metrics) {
    train_teller (**slot)(metrics);
  };
  callbacks.on_checkpoint = [slot](const SavedCheckpoint& saved) {
    checkpoint_teller (**slot)(saved);
  };
  if (is_dry_run) {
    callbacks.only_disclose = [slot](const std::string& line) {
      (*slot)->tell({.kind = Event::Kind::kDisclosure, .text = line});
    };
  }
  auto client = std::make_shared<FederatedClient>(
      take(FederatedClient::create(std::move(options), std::move(callbacks))));
  auto held = std::make_shared<std::shared_ptr<Table>>(std::move(table));
  auto work = [slot, client, held](Job::Events& events) -> Result<std::optional<std::string>> {
    *slot = &events;
    auto done = client->run();
    let_go(*held);
    GENESIS_RETURN_IF_ERROR(std::move(done));
    return std::nullopt;
  };
  return std::make_unique<Job>(std::move(work), [client] { client->stop(); });
}

std::unique_ptr<ServerJob> start_server(std::string text,
                                        std::string name,
                                        const Overrides& overrides,
                                        std::string host,
                                        std::uint16_t port,
                                        const std::string& ssl_cert,
                                        const std::string& ssl_key,
                                        const std::string& ssl_client_ca,
                                        std::optional<std::string> auth_token,
                                        bool require_authentication,
                                        const std::string& output,
                                        std::optional<std::uint16_t> metrics_port) {
  ServerOptions options;
  options.spec = std::move(text);
  options.spec_name = std::move(name);
  options.overrides = overrides_of(overrides);
  options.host = std::move(host);
  options.port = port;
  options.tls = {.certificate = ssl_cert, .key = ssl_key, .client_authority = ssl_client_ca};
  options.auth_token = secret_of(std::move(auth_token));
  options.require_authentication = require_authentication;
  options.output = output;
  options.metrics.port = metrics_port;
  return std::make_unique<ServerJob>(std::move(options));
}

std::unique_ptr<Job> start_client(std::string server_url,
                                  std::string client_id,
                                  std::shared_ptr<Table> table,
                                  std::vector<std::string> discrete_columns,
                                  const Overrides& overrides,
                                  const std::string& ssl_verify,
                                  const std::string& ssl_cert,
                                  const std::string& ssl_key,
                                  std::optional<std::string> auth_token,
                                  const std::string& state,
                                  const std::string& policy,
                                  std::string expect_spec,
                                  const std::string& ledger,
                                  std::string data_set,
                                  bool secure_aggregation,
                                  const std::string& encryption,
                                  const std::string& paillier_key,
                                  std::optional<double> largest_epsilon,
                                  double largest_delta,
                                  bool is_dry_run) {
  ClientOptions options;
  options.server = std::move(server_url);
  options.client_id = std::move(client_id);
  options.csv = table->csv();
  options.columns = table->columns();
  options.discrete_columns = std::move(discrete_columns);
  options.overrides = overrides_of(overrides);
  options.tls = {.server_authority = ssl_verify, .certificate = ssl_cert, .key = ssl_key};
  options.auth_token = secret_of(std::move(auth_token));
  options.state = state;
  options.policy = policy;
  options.expect_spec = std::move(expect_spec);
  options.ledger = ledger;
  options.data_set = std::move(data_set);
  options.secure_aggregation = secure_aggregation;
  if (!encryption.empty()) {
    options.encryption =
        encryption == "paillier" ? spec::Encryption::kPaillier : spec::Encryption::kMasking;
  }
  options.paillier_key = paillier_key;
  if (largest_epsilon) {
    options.required_privacy = {.epsilon = *largest_epsilon, .delta = largest_delta};
  }
  return run_client(std::move(options), std::move(table), is_dry_run);
}

}  // namespace

void add_jobs(nb::module_& module) {
  const nb::call_guard<nb::gil_scoped_release> released;
  nb::class_<Job>(module, "Job")
      .def("poll",
           [](Job& job, double seconds) {
             std::vector<Event> events;
             {
               const nb::gil_scoped_release release;
               events = job.poll(patience_of(seconds));
             }
             return tuples_of(events);
           })
      .def_prop_ro("is_over", &Job::is_over)
      .def(
          "wait", [](Job& job, double seconds) { return job.wait(patience_of(seconds)); }, released)
      .def("stop", &Job::stop, released)
      .def("outcome", [](const Job& job) -> std::optional<nb::bytes> {
        const auto bytes = take(job.outcome());
        if (!bytes) {
          return std::nullopt;
        }
        return nb::bytes(bytes->data(), bytes->size());
      });
  module.def("start_fit",
             &start_fit,
             nb::arg("spec"),
             nb::arg("spec_name"),
             nb::arg("overrides"),
             nb::arg("sites"),
             nb::arg("ledger"),
             nb::arg("paillier_key"),
             released);
  nb::class_<ServerJob>(module, "Server")
      .def_prop_ro("url", &ServerJob::url)
      .def_prop_ro("metrics_url", &ServerJob::metrics_url)
      .def("run", &ServerJob::run, released);
  module.def("start_server",
             &start_server,
             nb::arg("spec"),
             nb::arg("spec_name"),
             nb::arg("overrides"),
             nb::arg("host"),
             nb::arg("port"),
             nb::arg("ssl_cert"),
             nb::arg("ssl_key"),
             nb::arg("ssl_client_ca"),
             nb::arg("auth_token").none(),
             nb::arg("require_authentication"),
             nb::arg("output"),
             nb::arg("metrics_port").none(),
             released);
  module.def("start_client",
             &start_client,
             nb::arg("server_url"),
             nb::arg("client_id"),
             nb::arg("table"),
             nb::arg("discrete_columns"),
             nb::arg("overrides"),
             nb::arg("ssl_verify"),
             nb::arg("ssl_cert"),
             nb::arg("ssl_key"),
             nb::arg("auth_token").none(),
             nb::arg("state"),
             nb::arg("policy"),
             nb::arg("expect_spec"),
             nb::arg("ledger"),
             nb::arg("data_set"),
             nb::arg("secure_aggregation"),
             nb::arg("encryption"),
             nb::arg("paillier_key"),
             nb::arg("largest_epsilon").none(),
             nb::arg("largest_delta"),
             nb::arg("dry_run"),
             released);
  module.def("join_abandoned", &join_abandoned, released);
}

}  // namespace genesis::python
