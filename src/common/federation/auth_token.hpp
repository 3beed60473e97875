#pragma once
// The bearer token of a training, as server and clients are given it.
#include <filesystem>
#include <optional>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"

namespace genesis::federation {

/// The first line of `file`; without a file, FEDERATED_AUTH_TOKEN of the environment; else nothing.
/// Errors: those of reading, and kInvalidArgument for an empty file.
[[nodiscard]] Result<std::optional<crypto::Secret>> load_auth_token(
    const std::filesystem::path& file);

}  // namespace genesis::federation
