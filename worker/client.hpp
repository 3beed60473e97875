#pragma once
// The worker's loop over HTTPS: join, ask, answer, until the training is over. Makes outbound
// connections only; retries what can be retried with back-off.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/client.hpp"
#include "common/policy/policy.hpp"
#include "common/rounds/contribution.hpp"
#include "common/spec/parse.hpp"
#include "genesis/column_table.hpp"

namespace genesis::worker {

class Metrics;

struct ClientOptions {
  std::string server_url;
  ClientId client;
  /// Where another live process takes part as `client`, this one does as client-2, client-3 and so
  /// on: a name that nobody chose. Otherwise it waits for the name.
  bool takes_free_name = false;
  bool is_named_after_host = false;  // run_client says so
  std::filesystem::path data;
  std::string csv = {};      // the rows themselves, where `data` is empty
  ColumnTable columns = {};  // or where that is empty too; its buffers outlive run_client()
  std::vector<std::string> discrete_columns;
  std::filesystem::path state;  // folder of what survives a restart; empty: nothing does
  std::string instance = {};    // of this process; run_client makes one
  std::optional<tls::ClientContext> tls;
  std::optional<crypto::Secret> auth_token;
  /// PEM private key of its certificate, with which it signs its messages of secure sums; absent:
  /// one that it makes and keeps in `state`.
  std::optional<crypto::Secret> signing_key = {};
  std::filesystem::path paillier_key = {};  // file of the key that encrypts sums; "": none
  std::optional<crypto::Secret> paillier_key_text = {};  // or where that is empty, what it holds
  std::vector<spec::Override> overrides;                 // of spec.local, this site's own choice
  policy::Policy policy = {};                            // what may leave
  std::filesystem::path ledger = {};  // folder of privacy ledgers; empty: the default one
  std::string data_set = {};          // name of these rows in it; "": the client's
  std::optional<spec::DifferentialPrivacy> required_privacy = {};  // the training's is as strong
  /// Told what will leave, line by line, and nothing leaves; empty: the training is taken part in.
  std::function<void(const std::string&)> only_disclose = {};
  Metrics* metrics = nullptr;  // told of all; outlives the run; never null in it
  /// After each local training: the name taken part as, its round, this site's rows, and what goes
  /// beside the update.
  std::function<void(const ClientId&, RoundId, std::uint64_t rows, const rounds::Telemetry&)>
      on_trained = {};
  /// After each state on disk.
  std::function<void(RoundId, const std::filesystem::path&)> on_saved = {};
  std::stop_token stop =
      {};  // ends the loop: at once while it waits, else before the next training step
};

/// Runs until the training is complete. Errors: as the site's data, the network or the server give
/// them; kFailedPrecondition with the server's reason where the training failed, or once stopped.
[[nodiscard]] Status run_client(const ClientOptions& options);

}  // namespace genesis::worker
