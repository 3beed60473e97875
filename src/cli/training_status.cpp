#include "cli/training_status.hpp"

#include <string>

namespace genesis::cli {

Result<wire::StatusReport> ask_status(http::Client& server,
                                      const std::optional<crypto::Secret>& token) {
  http::ClientRequest request;
  request.path = "/v1/status";
  if (token) {
    request.headers.push_back({"Authorization", "Bearer " + std::string(token->reveal())});
  }
  GENESIS_ASSIGN(const auto response, server.request(request));
  if (!response.is_success()) {
    return tl::unexpected(http::error_of(response));
  }
  return wire::decode_status_report(response.body);
}

}  // namespace genesis::cli
