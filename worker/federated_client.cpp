#include "genesis/federated_client.hpp"

#include <stop_token>

#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "common/federation/tls_reload.hpp"
#include "common/http/health.hpp"
#include "common/http/url.hpp"
#include "common/metrics/process.hpp"
#include "common/model/threads.hpp"
#include "common/policy/policy.hpp"
#include "common/tls/certificates.hpp"
#include "common/tls/files.hpp"
#include "worker/client.hpp"
#include "worker/host_name.hpp"
#include "worker/metrics.hpp"

namespace genesis {
namespace {

Result<std::optional<tls::ClientContext>> client_tls(const ClientOptions& options) {
  if (!options.pem) {
    return tls::load_context(options.tls, options.server_name, federation::log_tls_reload);
  }
  const tls::ClientTls pem{.authority = {"authority", options.pem->server_authority},
                           .certificate = tls::NamedPem{"certificate", options.pem->certificate},
                           .key = tls::NamedPem{"key", std::string(options.pem->key.reveal())},
                           .server_name = options.server_name};
  GENESIS_ASSIGN(auto context, tls::ClientContext::create(pem));
  return context;
}

Result<policy::Policy> policy_of(const ClientOptions& options) {
  constexpr std::uint64_t kMaxPolicy = std::uint64_t{4} << 20;
  policy::Policy policy;
  if (!options.policy.empty()) {
    GENESIS_ASSIGN(const auto text, read_file(options.policy, kMaxPolicy));
    GENESIS_ASSIGN(policy, policy::parse(text, options.policy.string()));
  }
  if (!options.expect_spec.empty()) {
    GENESIS_RETURN_IF_ERROR(policy::expect_spec(policy, options.expect_spec));
  }
  policy.wants_secure_sums = options.secure_aggregation;
  policy.wants_encryption = options.encryption;
  return policy;
}

// That of the certificate, where there is one.
Result<std::optional<crypto::Secret>> signing_key_of(const ClientOptions& options) {
  if (options.pem) {
    return std::optional(options.pem->key);
  }
  if (options.tls.key.empty()) {
    return std::optional<crypto::Secret>();
  }
  constexpr std::uint64_t kMostBytes = 1U << 20;
  GENESIS_ASSIGN(auto pem, read_file(options.tls.key, kMostBytes));
  return std::optional(crypto::Secret(std::move(pem)));
}

struct Name {
  ClientId client;
  bool is_of_host;
};

// The name of this client: what was asked for, else that of its certificate, else this host's.
Result<Name> name_of(const ClientOptions& options) {
  if (!options.client_id.empty()) {
    GENESIS_ASSIGN(auto asked, ClientId::parse(options.client_id));
    return Name{std::move(asked), false};
  }
  constexpr std::uint64_t kMostBytes = 1U << 20;
  std::string pem = options.pem ? options.pem->certificate : "";
  if (!options.pem && !options.tls.certificate.empty()) {
    GENESIS_ASSIGN(pem, read_file(options.tls.certificate, kMostBytes));
  }
  std::string name;
  if (!pem.empty()) {
    GENESIS_ASSIGN(const auto certificate, tls::inspect(pem));
    name = certificate.common_name;
  }
  const bool is_of_host = name.empty();
  if (is_of_host) {
    name = worker::id_of_host();
  }
  auto client = ClientId::parse(name);
  if (!client) {
    return fail(Errc::kInvalidArgument,
                "client_id: " + std::string(is_of_host ? "this host has" : "the certificate has") +
                    " no name that a client can have; choose one");
  }
  spdlog::info("client id={} name-of={}", name, is_of_host ? "host" : "certificate");
  return Name{std::move(*client), is_of_host};
}

}  // namespace

struct FederatedClient::Impl {
  Impl(worker::ClientOptions loop, ClientCallbacks client_callbacks)
      : metrics(registry), options(std::move(loop)), callbacks(std::move(client_callbacks)) {
    options.metrics = &metrics;
  }
  Status watch(const MetricsListener& listener);

  metrics::Registry registry;
  worker::Metrics metrics;
  worker::ClientOptions options;
  ClientCallbacks callbacks;
  std::stop_source stop;
  std::unique_ptr<http::HealthServer> health;  // last: it reads the registry
};

Status FederatedClient::Impl::watch(const MetricsListener& listener) {
  if (!listener.port) {
    return {};
  }
  metrics::declare_process(registry, "genesis-worker");
  const http::ListenAddress address{listener.host, *listener.port};
  GENESIS_ASSIGN(health, http::HealthServer::start(address, registry, metrics.checks()));
  spdlog::info("metrics url={}", health->url());
  return {};
}

FederatedClient::FederatedClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FederatedClient::FederatedClient(FederatedClient&&) noexcept = default;
FederatedClient& FederatedClient::operator=(FederatedClient&&) noexcept = default;
FederatedClient::~FederatedClient() = default;

Result<FederatedClient> FederatedClient::create(ClientOptions options, ClientCallbacks callbacks) {
  model::use_one_thread();
  GENESIS_ASSIGN(auto name, name_of(options));
  GENESIS_ASSIGN(auto tls, client_tls(options));
  GENESIS_ASSIGN(auto signing_key, signing_key_of(options));
  GENESIS_ASSIGN(auto policy, policy_of(options));
  worker::ClientOptions loop{.server_url = std::move(options.server),
                             .client = std::move(name.client),
                             .takes_free_name = name.is_of_host,
                             .data = std::move(options.data),
                             .csv = std::move(options.csv),
                             .columns = std::move(options.columns),
                             .discrete_columns = std::move(options.discrete_columns),
                             .state = std::move(options.state),
                             .tls = std::move(tls),
                             .auth_token = std::move(options.auth_token),
                             .signing_key = std::move(signing_key),
                             .paillier_key = std::move(options.paillier_key),
                             .paillier_key_text = std::move(options.paillier_key_text),
                             .overrides = std::move(options.overrides),
                             .policy = std::move(policy),
                             .ledger = std::move(options.ledger),
                             .data_set = std::move(options.data_set),
                             .required_privacy = options.required_privacy,
                             .only_disclose = std::move(callbacks.only_disclose)};
  auto impl = std::make_unique<Impl>(std::move(loop), std::move(callbacks));
  GENESIS_RETURN_IF_ERROR(impl->watch(options.metrics));
  // What they capture is joined to them: `impl` owns the options and outlives the loop.
  if (const auto& tell = impl->callbacks.on_train_complete) {
    impl->options.on_trained = [&tell](const ClientId& client,
                                       RoundId round,
                                       std::uint64_t rows,
                                       const rounds::Telemetry& telemetry) {
      tell({client.str(), round.value, rows, telemetry});
    };
  }
  if (const auto& tell = impl->callbacks.on_checkpoint) {
    impl->options.on_saved = [&tell](RoundId round, const std::filesystem::path& path) {
      tell({round.value, path});
    };
  }
  impl->options.stop = impl->stop.get_token();
  return FederatedClient(std::move(impl));
}

Status FederatedClient::run() {
  return worker::run_client(impl_->options);
}

void FederatedClient::stop() {
  impl_->stop.request_stop();
}

}  // namespace genesis
