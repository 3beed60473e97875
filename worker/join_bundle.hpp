#pragma once
// What a site outside the cluster is given to join with: one YAML file with the server's address,
// the authority, the site's certificate and key, the token, and the key of encrypted sums where the
// training has one. Made by the operator (the Secret TRAINING-join-SITE), used by `genesis
// federated client --join`.
#include <filesystem>

#include "genesis/federated_client.hpp"

namespace genesis::worker {

/// Fills what the bundle says into `options`. Errors: kInvalidArgument names file and field.
[[nodiscard]] Status read_join_bundle(const std::filesystem::path& file, ClientOptions& options);

}  // namespace genesis::worker
