// What an admin may ask of a training's service: to evict a client, and to roll the training back.
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "aggregator/service.hpp"
#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {
namespace {

Result<RoundId> round_of(const std::string& body) {
  GENESIS_ASSIGN(const auto json, parse_json(body));
  GENESIS_ASSIGN(const auto fields, Fields::of(json, "RollbackRequest"));
  return fields.round("round");
}

}  // namespace

http::Response Service::evict(std::string_view name) {
  const auto client = ClientId::parse(name);
  if (!client) {
    return http::error_response(client.error());
  }
  const bool is_known = coordinator_.state().members.contains(*client) ||
                        coordinator_.config().participants.contains(*client);
  if (!is_known) {
    return http::error_response(
        404,
        Error{Errc::kNotFound, "client " + client->str() + ": takes no part in this training"});
  }
  const auto denied = options_.evict ? options_.evict(*client)
                                     : Status(fail(Errc::kFailedPrecondition,
                                                   "evicting needs client certificates; start the "
                                                   "server with a client CA"));
  if (!denied) {
    spdlog::error("evict client={} failed: {}", client->str(), denied.error().message);
    return http::error_response(denied.error());
  }
  spdlog::warn("evict client={}: its certificates are refused from now on", client->str());
  drop_the_denied();
  return http::json_response(200, "{}");
}

void Service::drop_the_denied() {
  if (!options_.denied) {
    return;
  }
  for (const auto& name : options_.denied()) {
    const auto client = ClientId::parse(name);
    if (!client || !coordinator_.state().members.contains(*client)) {
      continue;
    }
    // A collection that has its contribution starts again: the others send theirs anew.
    const auto& open = coordinator_.state().open;
    const CollectionId void_before{open.id.value + (open.reported.contains(*client) ? 1 : 0)};
    uploads_.forget(*client);
    coordinator_.evict(*client, clock_.now());
    uploads_.forget_before(void_before);
  }
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
