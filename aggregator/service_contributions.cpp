// What a service does with contributions: who may send one, chunk by chunk, and what comes of it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include "aggregator/service.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/contribution.hpp"
#include "common/wire/transfer.hpp"

namespace genesis::aggregator {
namespace {

// The chunk that a PUT carries; nullopt where its body is the whole contribution.
Result<std::optional<wire::Chunk>> chunk_of(const http::Request& request) {
  const auto range = request.header("content-range");
  if (range.empty()) {
    return std::optional<wire::Chunk>();
  }
  GENESIS_ASSIGN(auto chunk,
                 wire::parse_chunk({std::string(range),
                                    std::string(request.header("content-digest")),
                                    std::string(request.header("repr-digest"))}));
  return std::optional(std::move(chunk));
}

// The whole contribution as one chunk.
wire::Chunk alone(std::string_view bytes) {
  const auto sha256 = crypto::sha256_hex(bytes);
  return wire::Chunk{0, bytes.size(), bytes.size(), sha256, sha256};
}

}  // namespace

// All that can be refused without the bytes is refused before they travel.
std::optional<http::Response> Service::admit_contribution(const http::Request& request) {
  auto address = awaited(request);
  if (auto* const answer = std::get_if<http::Response>(&address)) {
    return std::move(*answer);
  }
  const auto chunk = chunk_of(request);
  if (!chunk) {
    return http::error_response(chunk.error());
  }
  if (*chunk && (*chunk)->size > coordinator_.max_contribution_bytes()) {
    return http::error_response(Error{Errc::kResourceExhausted,
                                      "Content-Range: the contribution is larger than the " +
                                          std::to_string(coordinator_.max_contribution_bytes()) +
                                          " bytes that are accepted"});
  }
  return std::nullopt;
}

std::optional<http::Response> Service::settled(const http::Request& request,
                                               const Address& address) {
  const auto& [collection, who] = address;
  const auto announced = coordinator_.announce(who, collection, clock_.now());
  if (!announced) {
    return reply(tl::unexpected(announced.error()));
  }
  presence_.seen(who.client, request.connection);
  if (*announced == Coordinator::Announced::kAwaited) {
    return std::nullopt;
  }
  const auto taken = uploads_.progress(who.client, collection);
  const auto chunk = chunk_of(request);
  const bool is_other =
      chunk && *chunk && !taken.sha256.empty() && (*chunk)->upload_sha256 != taken.sha256;
  if (is_other) {
    const auto error = fail(Errc::kConflict,
                            "client " + who.client.str() + ": another contribution to collection " +
                                std::to_string(collection.value) + " has been taken already");
    return reply(error);
  }
  return progress_response(200, address);
}

http::Response Service::progress_response(int status, const Address& address) const {
  const auto progress = uploads_.progress(address.speaker.client, address.collection);
  return http::json_response(status, wire::encode(progress));
}

http::Response Service::upload_progress(const http::Request& request) {
  auto address = awaited(request);
  if (auto* const answer = std::get_if<http::Response>(&address)) {
    return std::move(*answer);
  }
  return progress_response(200, std::get<Address>(address));
}

http::Response Service::contribution(const http::Request& request) {
  auto found = awaited(request);  // the collection may have closed while the body travelled
  if (auto* const answer = std::get_if<http::Response>(&found)) {
    return std::move(*answer);
  }
  const auto& address = std::get<Address>(found);
  auto chunk = chunk_of(request);
  if (!chunk) {
    return http::error_response(chunk.error());
  }
  const auto& whole_or_part = *chunk ? **chunk : alone(request.body);
  if (whole_or_part.size == 0) {
    return fold(address, request.content_encoding(), "");
  }
  const auto& client = address.speaker.client;
  auto added = uploads_.add(client, address.collection, whole_or_part, request.body);
  if (!added) {
    spdlog::warn("contribution collection={} client={} chunk refused: {}",
                 address.collection.value,
                 client.str(),
                 added.error().message);
    return reply(tl::unexpected(added.error()));
  }
  if (added->is_gap) {
    return progress_response(416, address);
  }
  if (!added->whole) {
    return progress_response(202, address);
  }
  return fold(address, request.content_encoding(), std::move(*added->whole));
}

http::Response Service::fold(const Address& address, std::string_view encoding, std::string bytes) {
  const auto& [collection, who] = address;
  const auto& client = who.client;
  auto unpacked =
      wire::decompress(encoding, std::move(bytes), coordinator_.max_contribution_bytes());
  auto decoded = unpacked ? wire::decode_contribution(*unpacked)
                          : Result<rounds::Contribution>(tl::unexpected(unpacked.error()));
  unpacked = std::string();  // the contribution holds what is needed of it
  if (!decoded) {
    return refuse(client, decoded.error());
  }
  if (decoded->client != client || decoded->collection != collection) {
    return refuse(client,
                  Error{Errc::kInvalidArgument,
                        "its header names another client or collection than its address"});
  }
  const auto before = coordinator_.state().open;
  auto accepted = coordinator_.contribute(who.instance, std::move(*decoded), clock_.now());
  if (!accepted) {
    uploads_.forget(client);
    spdlog::warn("contribution collection={} client={} refused: {}",
                 collection.value,
                 client.str(),
                 accepted.error().message);
    return reply(accepted);
  }
  uploads_.take(client);
  const auto& state = coordinator_.state();
  if (state.open.id != before.id || coordinator_.is_over()) {
    const bool is_round = before.request.round.value > 0;
    spdlog::info("{}={} closed clients={}",
                 is_round ? "round" : "collection",
                 is_round ? std::to_string(before.request.round.value) : before.request.purpose,
                 state.members.size());
  }
  return progress_response(200, address);
}

http::Response Service::refuse(const ClientId& client, const Error& error) {
  uploads_.forget(client);
  const auto refused = coordinator_.refuse(client, error, clock_.now());
  spdlog::warn("contribution client={} refused: {}", client.str(), error.message);
  return reply(refused);
}

}  // namespace genesis::aggregator
