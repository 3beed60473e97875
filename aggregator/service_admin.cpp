// What whoever administers a training may ask of its service: to roll it back.
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "aggregator/service.hpp"
#include "common/base/fields.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {
namespace {

constexpr std::uint64_t kMaxRequestBytes = 1024;

Result<RoundId> round_of(const std::string& body) {
  GENESIS_ASSIGN(const auto json, parse_json(body));
  GENESIS_ASSIGN(const auto fields, Fields::of(json, "RollbackRequest"));
  return fields.round("round");
}

}  // namespace

std::variant<http::Admission, http::Response> Service::admit_rollback(
    const http::Request& request) const {
  if (!options_.is_mutual_tls || request.peer_name != kAdminName) {
    return http::error_response(Error{Errc::kPermissionDenied,
                                      "rollback: only with a client certificate named " +
                                          std::string(kAdminName) +
                                          "; make one with genesis certs client"});
  }
  return http::Admission{kMaxRequestBytes};
}

http::Response Service::roll_back(const http::Request& request) {
  const auto round = round_of(request.body);
  if (!round) {
    return http::error_response(round.error());
  }
  if (!options_.checkpoint_of) {
    return http::error_response(
        Error{Errc::kFailedPrecondition, "rollback: this server keeps no checkpoints"});
  }
  auto checkpoint = options_.checkpoint_of(*round);
  if (!checkpoint) {
    return http::error_response(checkpoint.error());
  }
  const auto done = coordinator_.roll_back(std::move(*checkpoint), clock_.now());
  if (!done) {
    spdlog::warn("rollback to-round={} refused: {}", round->value, done.error().message);
  }
  return reply(done);
}

}  // namespace genesis::aggregator
