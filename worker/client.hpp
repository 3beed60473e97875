#pragma once
// The worker's loop over HTTPS: join, count, train, upload, until the training is over. Makes
// outbound connections only; retries what can be retried with back-off.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/client.hpp"
#include "common/spec/parse.hpp"

namespace genesis::worker {

struct ClientOptions {
  std::string server_url;
  ClientId client;
  std::filesystem::path data;
  std::vector<std::string> discrete_columns;
  std::filesystem::path state;  // folder of what survives a restart; empty: nothing does
  std::optional<tls::ClientContext> tls;
  std::optional<crypto::Secret> auth_token;
  std::vector<spec::Override> overrides;  // of spec.local, this site's own choice
};

/// Runs until the training is complete. Errors: as the site's data, the network or the server give
/// them; kFailedPrecondition with the server's reason where the training failed.
[[nodiscard]] Status run_client(const ClientOptions& options);

}  // namespace genesis::worker
