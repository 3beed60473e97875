#include "cli/training_status.hpp"

#include <utility>

#include "common/http/bearer.hpp"

namespace genesis::cli {

Result<wire::StatusReport> ask_status(http::Client& server,
                                      const std::optional<crypto::Secret>& token) {
  http::ClientRequest request;
  request.path = "/v1/status";
  if (token) {
    GENESIS_ASSIGN(auto header, http::bearer(server.url(), token->reveal()));
    request.headers.push_back(std::move(header));
  }
  GENESIS_ASSIGN(const auto response, server.request(request));
  if (!response.is_success()) {
    return tl::unexpected(http::error_of(response));
  }
  return wire::decode_status_report(response.body);
}

}  // namespace genesis::cli
