#pragma once
// How a training stands, as its server tells (GET /v1/status, /v1/rounds).
#include <optional>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/http/client.hpp"
#include "common/status_page/round_history.hpp"
#include "common/wire/messages.hpp"

namespace genesis::cli {

/// Errors: those of the request, and of http::error_of where the server refuses.
[[nodiscard]] Result<wire::StatusReport> ask_status(http::Client& server,
                                                    const std::optional<crypto::Secret>& token);

/// The rounds so far (GET /v1/rounds); members are told none. Errors: as above; kNotFound of a
/// server of an earlier version.
[[nodiscard]] Result<status_page::RoundHistory> ask_rounds(
    http::Client& server, const std::optional<crypto::Secret>& token);

}  // namespace genesis::cli
