#pragma once
// The server of one federated training, to be embedded in a program; genesis-aggregator is a shell
// over it. Needs no LibTorch: link genesis::server. Logs go to spdlog's default logger.
//
//   auto server = genesis::FederatedServer::start(options);   // listens
//   if (!server) return complain(server.error().message);
//   auto model = server->run();                               // until the training is over
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/spec/parse.hpp"
#include "genesis/callbacks.hpp"
#include "genesis/metrics_listener.hpp"
#include "genesis/tls_files.hpp"

namespace genesis {

struct ServerOptions {
  std::string spec;                // FederatedTraining as YAML or JSON; "" takes every default
  std::string spec_name = "spec";  // stands for it in messages
  std::vector<spec::Override> overrides;
  std::string host = "0.0.0.0";  // address to listen on
  std::uint16_t port = 8000;     // 0 takes a free one
  /// Without a certificate the server speaks plain HTTP, warns of it, and accepts tokens from this
  /// host alone. With a client authority a client speaks only for the name in its certificate.
  ServerTlsFiles tls;
  std::optional<crypto::Secret> auth_token;  // asked of every request when given
  /// Refuses to start where neither client certificates nor a token over TLS are asked for. Without
  /// it such a server warns (log, /v1/status, metric) unless only this host can reach it.
  bool require_authentication = false;
  /// Of request bodies in memory, all together; the peer that holds most gets 503 where there would
  /// be more.
  std::uint64_t body_bytes_in_flight = std::uint64_t{64} << 20;
  /// Folder for model.safetensors, evicted.txt and checkpoints/, from which a new start goes on;
  /// made where it is not there. "": nothing is written, and a crash loses the training.
  std::filesystem::path output;
  MetricsListener metrics;  // off unless it has a port
};

struct ServerCallbacks {
  RoundCallback on_round_complete = {};
  MetricsCallback on_metrics = {};
  CheckpointCallback on_checkpoint = {};
  ModelCallback on_training_complete = {};
};

class FederatedServer {
 public:
  /// Reads what `options` name, takes up the newest whole checkpoint, and listens. Errors:
  /// kInvalidArgument names the field of the spec or the file; kIo the folder that cannot be
  /// written; kAlreadyExists the port in use; kFailedPrecondition a checkpoint of another spec.
  [[nodiscard]] static Result<FederatedServer> start(ServerOptions options,
                                                     ServerCallbacks callbacks = {});
  FederatedServer(FederatedServer&&) noexcept;
  FederatedServer& operator=(FederatedServer&&) noexcept;
  /// Closes the listener. While another thread is in run(), stop() and join it first.
  ~FederatedServer();

  /// "https://127.0.0.1:8443", with the port that was taken.
  [[nodiscard]] std::string url() const;
  /// "http://127.0.0.1:9464"; "" without a metrics listener.
  [[nodiscard]] std::string metrics_url() const;

  /// Leads the training on the calling thread, once; returns when it is over and the clients have
  /// heard so. Errors: kFailedPrecondition with the reason where the training failed, kUnavailable
  /// after stop(), kIo where the model cannot be written.
  [[nodiscard]] Result<TrainedModel> run();

  /// Makes run() return soon. From any thread. The last checkpoint stays.
  void stop();

 private:
  struct Impl;
  explicit FederatedServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
