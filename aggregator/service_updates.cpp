// What a service does with updates: who may send one, chunk by chunk, and what comes of it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include "aggregator/service.hpp"
#include "common/crypto/digest.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/transfer.hpp"

namespace genesis::aggregator {
namespace {

// The chunk that a PUT carries; nullopt where its body is the whole update.
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

// The whole update as one chunk.
wire::Chunk alone(std::string_view bytes) {
  const auto sha256 = crypto::sha256_hex(bytes);
  return wire::Chunk{0, bytes.size(), bytes.size(), sha256, sha256};
}

}  // namespace

// All that can be refused without the bytes is refused before they travel.
std::variant<http::Admission, http::Response> Service::admit_update(const http::Request& request) {
  auto address = awaited(request);
  if (auto* const answer = std::get_if<http::Response>(&address)) {
    return std::move(*answer);
  }
  const auto chunk = chunk_of(request);
  if (!chunk) {
    return http::error_response(chunk.error());
  }
  if (*chunk && (*chunk)->size > coordinator_.max_update_bytes()) {
    return http::error_response(Error{Errc::kResourceExhausted,
                                      "Content-Range: the update is larger than the " +
                                          std::to_string(coordinator_.max_update_bytes()) +
                                          " bytes that are accepted"});
  }
  return http::Admission{wire::kMaxChunkBytes};
}

std::optional<http::Response> Service::settled(const http::Request& request,
                                               const UpdateAddress& address) {
  const auto announced = coordinator_.announce_update(address.client, address.round, clock_.now());
  if (!announced) {
    return reply(tl::unexpected(announced.error()));
  }
  if (*announced == Coordinator::Announced::kAwaited) {
    return std::nullopt;
  }
  const auto taken = uploads_.progress(address.client, address.round);
  const auto chunk = chunk_of(request);
  const bool is_other =
      chunk && *chunk && !taken.sha256.empty() && (*chunk)->upload_sha256 != taken.sha256;
  if (is_other) {
    const auto error = fail(Errc::kConflict,
                            "client " + address.client.str() + ": another update of round " +
                                std::to_string(address.round.value) + " has been taken already");
    return reply(error);
  }
  return progress_response(200, address);
}

http::Response Service::progress_response(int status, const UpdateAddress& address) const {
  return http::json_response(status,
                             wire::encode(uploads_.progress(address.client, address.round)));
}

http::Response Service::upload_progress(const http::Request& request) {
  auto address = awaited(request);
  if (auto* const answer = std::get_if<http::Response>(&address)) {
    return std::move(*answer);
  }
  return progress_response(200, std::get<UpdateAddress>(address));
}

http::Response Service::update(const http::Request& request) {
  auto found = awaited(request);  // the round may have closed while the body travelled
  if (auto* const answer = std::get_if<http::Response>(&found)) {
    return std::move(*answer);
  }
  const auto& address = std::get<UpdateAddress>(found);
  auto chunk = chunk_of(request);
  if (!chunk) {
    return http::error_response(chunk.error());
  }
  const auto& whole_or_part = *chunk ? **chunk : alone(request.body);
  if (whole_or_part.size == 0) {
    return fold(address, request.content_encoding(), "");
  }
  auto added = uploads_.add(address.client, address.round, whole_or_part, request.body);
  if (!added) {
    spdlog::warn("update round={} client={} chunk refused: {}",
                 address.round.value,
                 address.client.str(),
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

http::Response Service::fold(const UpdateAddress& address,
                             std::string_view encoding,
                             std::string bytes) {
  const auto& [round, client] = address;
  auto unpacked = wire::decompress(encoding, std::move(bytes), coordinator_.max_update_bytes());
  auto update = unpacked ? wire::decode_update(*unpacked)
                         : Result<wire::Update>(tl::unexpected(unpacked.error()));
  unpacked = std::string();  // the update holds what is needed of it
  if (!update) {
    return refuse(client, update.error());
  }
  if (update->metadata.client != client || update->metadata.round != round) {
    return refuse(client,
                  Error{Errc::kInvalidArgument,
                        "its metadata names another client or round than its address"});
  }
  const RoundId before = coordinator_.state().round;
  auto accepted = coordinator_.add_update(*update, clock_.now());
  if (!accepted) {
    uploads_.forget(client);
    spdlog::warn("update round={} client={} refused: {}",
                 round.value,
                 client.str(),
                 accepted.error().message);
    return reply(accepted);
  }
  uploads_.take(client);
  if (coordinator_.state().round != before || coordinator_.is_over()) {
    spdlog::info("round={} closed clients={}", round.value, coordinator_.state().members.size());
  }
  return progress_response(200, address);
}

http::Response Service::refuse(const ClientId& client, const Error& error) {
  uploads_.forget(client);
  const auto refused = coordinator_.refuse_update(client, error, clock_.now());
  spdlog::warn("update client={} refused: {}", client.str(), error.message);
  return reply(refused);
}

}  // namespace genesis::aggregator
