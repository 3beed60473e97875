#pragma once
// One site's part of a federated training, to be embedded in a program; genesis-worker is a shell
// over it. The rows stay in this process: counts and weight updates leave, over connections that go
// out. Link genesis::genesis. Logs go to spdlog's default logger.
//
//   auto client = genesis::FederatedClient::create(options, {.on_train_complete = print});
//   if (!client) return complain(client.error().message);
//   auto done = client->run();   // until the training is over
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/spec/parse.hpp"
#include "genesis/callbacks.hpp"
#include "genesis/column_table.hpp"
#include "genesis/metrics_listener.hpp"
#include "genesis/tls_files.hpp"

namespace genesis {

/// What the files of ClientTlsFiles hold, as text.
struct ClientPem {
  std::string server_authority, certificate;
  crypto::Secret key;
};

struct ClientOptions {
  std::string server;  // https://host:port
  /// With a client certificate, its CN. "": that, or without a certificate the name of this host,
  /// with -2, -3 and so on where another live client has it.
  std::string client_id;
  std::filesystem::path data;                 // this site's rows, .csv or .csv.gz
  std::string csv = {};                       // or where that is empty, their text
  ColumnTable columns = {};                   // or where that is too; its buffers outlive run()
  std::vector<std::string> discrete_columns;  // treated as categories, beside the spec's
  std::filesystem::path state;                // folder that lets a restart go on; "": none
  ClientTlsFiles tls;
  std::optional<ClientPem> pem;  // instead of those files
  std::string server_name;       // that its certificate must be for; "": the host of `server`
  std::optional<crypto::Secret> auth_token;
  /// Of spec.local, this site's own choice. A local.batchSize that the method cannot split is
  /// rounded down.
  std::vector<spec::Override> overrides;
  std::filesystem::path policy;     // SitePolicy of this site, YAML; "": the safe defaults
  std::string expect_spec;          // "sha256:…" of the only spec to take part in; "": any
  std::filesystem::path ledger;     // folder of privacy ledgers; "": the default one
  std::string data_set;             // name of these rows in it; "": the client id
  bool secure_aggregation = false;  // take part only where sums hide what is sent
  std::optional<spec::Encryption> encryption = {};  // and only where they do it so
  std::filesystem::path paillier_key;  // of all sites, where sums are encrypted; "": none
  std::optional<crypto::Secret> paillier_key_text = {};  // or what that file holds
  MetricsListener metrics;                               // off unless it has a port
  /// Takes part only in a training whose epsilon and delta are no larger. Absent: the policy
  /// decides.
  std::optional<spec::DifferentialPrivacy> required_privacy = {};
};

struct ClientCallbacks {
  MetricsCallback on_train_complete = {};
  CheckpointCallback on_checkpoint = {};
  /// Told what would leave this site, line by line; then run() sends none of it and returns.
  std::function<void(const std::string&)> only_disclose = {};
};

class FederatedClient {
 public:
  /// Checks id, URL and certificates; connects to nobody yet. Sets the process to one compute
  /// thread (LibTorch's, OpenMP's and OpenBLAS's), which is the fastest for products of this size.
  /// Errors: kInvalidArgument names the option or file.
  [[nodiscard]] static Result<FederatedClient> create(ClientOptions options,
                                                      ClientCallbacks callbacks = {});
  FederatedClient(FederatedClient&&) noexcept;
  FederatedClient& operator=(FederatedClient&&) noexcept;
  /// While another thread is in run(), stop() and join it first.
  ~FederatedClient();

  /// Takes part until the training is complete. Errors: as the site's data, the network or the
  /// server give them; kFailedPrecondition with the server's reason where the training failed, or
  /// after stop().
  [[nodiscard]] Status run();

  /// Makes run() return: at once while it waits, else before the next training step. From any
  /// thread.
  void stop();

 private:
  struct Impl;
  explicit FederatedClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
