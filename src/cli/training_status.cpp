#include "cli/training_status.hpp"

#include <utility>

#include "common/http/bearer.hpp"

namespace genesis::cli {
namespace {

// A thousand rounds, and a status of thousands of clients.
constexpr std::uint64_t kMaxRoundsBytes = std::uint64_t{4} << 20;

Result<std::string> ask(http::Client& server,
                        const std::optional<crypto::Secret>& token,
                        http::ClientRequest request) {
  if (token) {
    GENESIS_ASSIGN(auto header, http::bearer(server.url(), token->reveal()));
    request.headers.push_back(std::move(header));
  }
  GENESIS_ASSIGN(auto response, server.request(request));
  if (!response.is_success()) {
    return tl::unexpected(http::error_of(response));
  }
  return std::move(response.body);
}

}  // namespace

Result<wire::StatusReport> ask_status(http::Client& server,
                                      const std::optional<crypto::Secret>& token) {
  http::ClientRequest request;
  request.path = "/v1/status";
  GENESIS_ASSIGN(const auto answer, ask(server, token, std::move(request)));
  return wire::decode_status_report(answer);
}

Result<status_page::RoundHistory> ask_rounds(http::Client& server,
                                             const std::optional<crypto::Secret>& token) {
  http::ClientRequest request;
  request.path = "/v1/rounds";
  request.max_body = kMaxRoundsBytes;
  GENESIS_ASSIGN(const auto answer, ask(server, token, std::move(request)));
  return status_page::RoundHistory::parse(answer);
}

}  // namespace genesis::cli
