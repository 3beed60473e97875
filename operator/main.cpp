// genesis-operator: watches FederatedTrainings and runs an aggregator and workers for each. Several
// replicas may run; the one that holds the Lease reconciles.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/crypto/entropy.hpp"
#include "common/http/client.hpp"
#include "common/http/health.hpp"
#include "common/k8s/config.hpp"
#include "common/k8s/controller.hpp"
#include "common/k8s/leader_election.hpp"
#include "common/k8s/rest_api.hpp"
#include "common/log/log.hpp"
#include "common/metrics/process.hpp"
#include "operator/allowed.hpp"
#include "operator/metrics.hpp"
#include "operator/paillier_keys.hpp"
#include "operator/reconciler.hpp"
#include "operator/training_metrics.hpp"

namespace {

using namespace genesis;

constexpr std::size_t kWorkers = 8;  // concurrent reconciles

struct Options {
  std::string kubeconfig;
  std::vector<std::string> watch_namespaces;
  std::string own_namespace;
  std::string metrics_host = "::";
  std::uint16_t metrics_port = 8080;
  bool elect = true;
  std::int64_t lease_seconds = 6;
  std::string lease_name = "genesis-operator";
  std::string log_format = "text";
  std::string log_level = "info";
  control::Settings settings;
};

int complain(const Error& error) {
  std::cerr << "genesis-operator: " << printable(error.message) << "\n";
  return 1;
}

std::string identity() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  crypto::SystemEntropy entropy;
  return std::string(host.data()) + "_" + crypto::random_id(entropy).substr(0, 8);
}

// The namespaces as World takes them.
std::vector<std::string> watched(const Options& options) {
  auto namespaces = options.watch_namespaces;
  if (std::ranges::find(namespaces, "*") != namespaces.end()) {
    return {""};
  }
  std::erase(namespaces, "");
  if (namespaces.empty()) {
    return {options.own_namespace};
  }
  std::ranges::sort(namespaces);
  namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
  return namespaces;
}

std::string described(const std::vector<std::string>& namespaces) {
  std::string text;
  for (const auto& ns : namespaces) {
    text += (text.empty() ? "" : ",") + (ns.empty() ? "all namespaces" : ns);
  }
  return text;
}

// One replica. Its informers run from the start, so that its caches are full when it takes over. It
// reconciles only while it leads.
class Replica {
 public:
  Replica(boost::asio::io_context& io,
          k8s::RestApi& api,
          const Options& options,
          control::Metrics& metrics,
          control::TrainingMetrics& trainings,
          http::Readiness& readiness)
      : io_(io),
        api_(api),
        options_(options),
        metrics_(metrics),
        trainings_(trainings),
        readiness_(readiness),
        identity_(identity()),
        world_(io.get_executor(), api, watched(options)),
        reports_(io.get_executor(), api, origin_),
        events_(io.get_executor(), api, "genesis-operator", identity_),
        keys_(io.get_executor()),
        reconciler_(world_, api, entropy_, reports_, events_, origin_, keys_, options.settings),
        controller_(
            io.get_executor(),
            [this](k8s::ObjectKey key) { return reconciler_.reconcile(std::move(key)); },
            limits()) {
    api_.on_request([this](const k8s::RequestReport& report) { metrics_.requested(report); });
    world_.on_change([this](const k8s::ObjectKey& key) { controller_.add(key); });
    keys_.on_done([this](const k8s::ObjectKey& key) { controller_.add(key); });
    world_.on_training([this](const k8s::ObjectKey& key) { show(key); });
    world_.on_error([](const k8s::Resource& resource, const Error& error) {
      spdlog::warn("watch kind={} failed: {}", resource.kind, error.message);
    });
    events_.on_error(
        [](const Error& error) { spdlog::warn("event cannot be written: {}", error.message); });
    reconciler_.on_pass([this](auto own) { metrics_.passed(own); });
    controller_.on_reconciled([this](const k8s::ReconcileReport& report) {
      metrics_.reconciled(report, controller_.queue());
      metrics_.watches(world_.trainings().size());
      if (!report.result) {
        spdlog::warn("reconcile training={} failed and will be retried: {}",
                     report.key.str(),
                     report.result.error().message);
      }
    });
  }

  boost::asio::awaitable<void> run() {
    world_.start();
    while (!is_stopping_) {
      const bool synced = co_await world_.wait_for_sync(std::chrono::seconds(5));
      if (synced) {
        break;
      }
    }
    co_await read_origin_key();
    if (is_stopping_) {
      co_return;
    }
    readiness_.set_ready();
    spdlog::info("synced trainings={} identity={}", world_.trainings().size(), identity_);
    boost::asio::co_spawn(io_, events_.run(), boost::asio::detached);
    if (options_.elect) {
      co_await elect();
    } else {
      lead();
    }
  }

  // Finishes the reconciles under way, releases the Lease and ends the event loop.
  boost::asio::awaitable<void> stop(int code) {
    if (is_stopping_) {
      co_return;
    }
    is_stopping_ = true;
    exit_code_ = code;
    controller_.stop();
    while (is_leading_) {
      boost::asio::steady_timer timer(io_, std::chrono::milliseconds(20));
      co_await timer.async_wait(boost::asio::use_awaitable);
      if (controller_.queue().in_work() == 0) {
        break;
      }
    }
    events_.stop();
    if (elector_) {
      elector_->stop();
    }
    boost::asio::steady_timer timer(io_, std::chrono::milliseconds(500));
    co_await timer.async_wait(boost::asio::use_awaitable);
    world_.stop();
    api_.cancel();
    io_.stop();
  }

  [[nodiscard]] int exit_code() const { return exit_code_; }
  /// Whether a key is being made, which nothing can interrupt.
  [[nodiscard]] bool makes_key() const { return keys_.is_busy(); }

 private:
  static k8s::RateLimits limits() {
    k8s::RateLimits limits;
    limits.ceiling = Milliseconds{30'000};
    return limits;
  }

  void show(const k8s::ObjectKey& key) {
    if (const auto training = world_.training(key)) {
      trainings_.show(*training, control::now());
    } else {
      trainings_.forget(key);
    }
  }

  boost::asio::awaitable<void> read_origin_key() {
    while (!is_stopping_) {
      auto key = co_await control::origin_key(api_, entropy_, options_.own_namespace);
      if (key) {
        origin_ = control::Origin(std::move(*key));
        co_return;
      }
      spdlog::warn("{}", key.error().message);
      boost::asio::steady_timer timer(io_, std::chrono::seconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
  }

  boost::asio::awaitable<void> elect() {
    k8s::ElectionOptions election;
    election.identity = identity_;
    election.lease_duration = std::chrono::seconds(options_.lease_seconds);
    election.renew_deadline = election.lease_duration * 3 / 4;
    election.retry_period = election.lease_duration / 4;
    k8s::LeaderElector::Callbacks callbacks;
    callbacks.on_started = [this] { lead(); };
    callbacks.on_stopped = [this] {
      is_leading_ = false;
      metrics_.leads(false);
    };
    callbacks.on_observed = [](const std::string& holder) {
      spdlog::info("leader holder={}", holder);
    };
    callbacks.on_error = [](const Error& error) { spdlog::warn("election: {}", error.message); };
    k8s::ObjectKey lease(options_.own_namespace, options_.lease_name);
    elector_ = std::make_unique<k8s::LeaderElector>(
        io_.get_executor(), api_, std::move(lease), std::move(election), std::move(callbacks));
    co_await elector_->run();
    if (!is_stopping_) {
      // Another replica may lead already, so this one must not write any more. A new process starts
      // from a clean state.
      spdlog::error("the leader Lease was lost; exiting");
      exit_code_ = 1;
      io_.stop();
    }
  }

  void lead() {
    is_leading_ = true;
    metrics_.leads(true);
    spdlog::info("leads identity={}", identity_);
    boost::asio::co_spawn(io_, controller_.run(kWorkers), boost::asio::detached);
  }

  boost::asio::io_context& io_;
  k8s::RestApi& api_;
  const Options& options_;
  control::Metrics& metrics_;
  control::TrainingMetrics& trainings_;
  http::Readiness& readiness_;
  std::string identity_;
  crypto::SystemEntropy entropy_;
  control::Origin origin_{crypto::Secret()};  // its key is read before any child is
  control::World world_;
  control::Reports reports_;
  k8s::EventRecorder events_;
  control::PaillierKeys keys_;
  control::Reconciler reconciler_;
  k8s::Controller controller_;
  std::unique_ptr<k8s::LeaderElector> elector_;
  bool is_leading_ = false;
  bool is_stopping_ = false;
  int exit_code_ = 0;
};

int operate(Options options) {
  if (const Status kinds = control::check_volume_kinds(options.settings.allowed_volumes); !kinds) {
    return complain(kinds.error().within("--allow-volumes"));
  }
  if (const Status prefixes = control::check_image_prefixes(options.settings.allowed_images);
      !prefixes) {
    return complain(prefixes.error().within("--allow-images"));
  }
  auto config = k8s::load_config(options.kubeconfig);
  if (!config) return complain(config.error());
  if (options.own_namespace.empty()) {
    options.own_namespace = config->ns;
  }
  options.settings.operator_namespace = options.own_namespace;
  boost::asio::io_context io(1);
  auto api = k8s::RestApi::create(io.get_executor(), std::move(*config));
  if (!api) return complain(api.error());

  metrics::Registry registry;
  metrics::declare_process(registry, "genesis-operator");
  control::Metrics metrics(registry);
  control::TrainingMetrics trainings(registry);
  http::Readiness readiness("the caches are not filled yet");
  http::HealthChecks checks;
  checks.why_not_ready = [&readiness] { return readiness.why_not(); };
  const http::ListenAddress address{options.metrics_host, options.metrics_port};
  auto health = http::HealthServer::start(address, registry, std::move(checks));
  if (!health) return complain(health.error());
  spdlog::info("serves metrics={} watches={}", (*health)->url(), described(watched(options)));

  Replica replica(io, **api, options, metrics, trainings, readiness);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) {
      spdlog::info("stops");
      readiness.set_not_ready("the operator is stopping");
      boost::asio::co_spawn(io, replica.stop(0), boost::asio::detached);
    }
  });
  boost::asio::co_spawn(io, replica.run(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  if (replica.makes_key()) {  // it may take minutes, and is made again by whoever leads next
    spdlog::shutdown();
    std::_Exit(replica.exit_code());
  }
  return replica.exit_code();
}

}  // namespace

// Asks a replica, or a Service of replicas, whether it is ready: its image has no other program
// that could.
int check(int argc, char** argv) {
  CLI::App app("Exits with 0 if the operator at URL is ready.", "genesis-operator check");
  std::string text;
  app.add_option("URL", text, "Such as http://genesis-operator-metrics:8080")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  auto client = http::Client::create(text);
  if (!client) return complain(client.error());
  http::ClientRequest request;
  request.path = client->url().base_path.empty() ? "/readyz" : "";
  const auto response = client->request(request);
  if (!response) return complain(response.error());
  if (response->status != 200) {
    return complain({Errc::kUnavailable,
                     text + ": answers with status " + std::to_string(response->status) + ": " +
                         response->body});
  }
  std::cout << "the operator is ready\n";
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "check") {
    return check(argc - 1, argv + 1);
  }
  CLI::App app("Kubernetes operator for FederatedTrainings.", "genesis-operator");
  app.set_version_flag("--version", version_text("genesis-operator"));
  Options options;
  app.add_option("--kubeconfig",
                 options.kubeconfig,
                 "Kubeconfig file; defaults to KUBECONFIG, then the pod's service account, then "
                 "~/.kube/config");
  app.add_option("--watch-namespace",
                 options.watch_namespaces,
                 "Namespaces to watch, separated by commas, or '*' for all; defaults to the "
                 "operator's own")
      ->envname("WATCH_NAMESPACE")
      ->delimiter(',');
  app.add_option("--namespace",
                 options.own_namespace,
                 "Namespace of the operator and its Lease; defaults to the namespace of the pod")
      ->envname("POD_NAMESPACE");
  app.add_option(
         "--aggregator-image", options.settings.aggregator_image, "Container image of aggregators")
      ->envname("GENESIS_AGGREGATOR_IMAGE")
      ->required();
  app.add_option("--worker-image",
                 options.settings.worker_image,
                 "Container image of workers and of the Jobs that generate rows")
      ->envname("GENESIS_WORKER_IMAGE")
      ->required();
  app.add_option("--allow-volumes",
                 options.settings.allowed_volumes,
                 "Kinds of volumes that trainings may mount as data: persistentVolumeClaim, "
                 "configMap, csi, nfs, ephemeral")
      ->envname("GENESIS_ALLOW_VOLUMES")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--allow-images",
                 options.settings.allowed_images,
                 "Registries or repositories whose images trainings may name; defaults to the "
                 "repositories of --aggregator-image and --worker-image")
      ->envname("GENESIS_ALLOW_IMAGES")
      ->delimiter(',');
  app.add_option("--metrics-host",
                 options.metrics_host,
                 "Listen address for /metrics, /healthz and /readyz")
      ->capture_default_str();
  app.add_option("--metrics-port",
                 options.metrics_port,
                 "Port for /metrics, /healthz and /readyz; 0 picks a free port")
      ->capture_default_str();
  app.add_flag("!--no-leader-election",
               options.elect,
               "Run without leader election; only for a single replica, for example in tests");
  app.add_option("--lease-seconds",
                 options.lease_seconds,
                 "Lease duration in seconds. Shorter: faster failover, more API writes.")
      ->capture_default_str()
      ->check(CLI::Range(2, 300));
  app.add_option("--lease-name",
                 options.lease_name,
                 "Name of the Lease; operators of one namespace that watch different namespaces "
                 "need different ones")
      ->envname("GENESIS_LEASE_NAME")
      ->capture_default_str();
  app.add_option("--log-format", options.log_format, "Lines of the log: text, or json")
      ->envname("GENESIS_LOG_FORMAT")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option(
         "--log-level", options.log_level, "Least level of the log: debug, info, warning, error")
      ->envname("GENESIS_LOG_LEVEL")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  log::start("operator", options.log_format == "json" ? log::Format::kJson : log::Format::kText);
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  return operate(std::move(options));
}
