#pragma once
// How a training stands, as its server tells (GET /v1/status).
#include <optional>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/client.hpp"
#include "common/wire/messages.hpp"

namespace genesis::cli {

/// Errors: those of the request, and of http::error_of where the server refuses.
[[nodiscard]] Result<wire::StatusReport> ask_status(http::Client& server,
                                                    const std::optional<crypto::Secret>& token);

}  // namespace genesis::cli
