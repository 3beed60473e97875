// What a service does with contributions: who may send one, chunk by chunk, and what comes of it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include "aggregator/service.hpp"
#include "common/crypto/digest.hpp"
#include "common/http/worker_pool.hpp"
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

// That the contribution of a client is being decoded, for as long as it lives. Where that does not
// come to its end (the connection was closed for another's sake), the contribution may come anew.
class Decoding {
 public:
  Decoding(std::set<ClientId>& all, Uploads& uploads, ClientId client)
      : all_(all), uploads_(uploads), client_(std::move(client)) {
    all_.insert(client_);
  }
  ~Decoding() {
    all_.erase(client_);
    if (!is_done_) {
      uploads_.forget(client_);
    }
  }
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;

  void done() { is_done_ = true; }

 private:
  std::set<ClientId>& all_;  // the service's, as are the uploads
  Uploads& uploads_;
  ClientId client_;
  bool is_done_ = false;
};

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
  const auto& [collection, who, step] = address;
  const auto announced = coordinator_.announce(who, collection, step, clock_.now());
  if (!announced) {
    return reply(tl::unexpected(announced.error()));
  }
  presence_.seen(who.client, request.connection);
  if (decoding_.contains(who.client)) {
    return http::error_response(
        Error{Errc::kUnavailable,
              "client " + who.client.str() + ": its contribution is being decoded; try again"});
  }
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

boost::asio::awaitable<http::Response> Service::contribution(http::Request request) {
  auto found = awaited(request);  // the collection may have closed while the body travelled
  if (auto* const answer = std::get_if<http::Response>(&found)) {
    co_return std::move(*answer);
  }
  const auto& address = std::get<Address>(found);
  const auto& client = address.speaker.client;
  auto chunk = chunk_of(request);
  if (!chunk) {
    co_return http::error_response(chunk.error());
  }
  const auto& whole_or_part = *chunk ? **chunk : alone(request.body);
  if (whole_or_part.size == 0) {
    const Error empty{Errc::kDataLoss, "it is empty"};
    co_return refuse(client, empty);
  }
  auto added = uploads_.add(client, address.collection, whole_or_part, request.body);
  if (!added) {
    co_return refuse_chunk(address, added.error());
  }
  if (added->is_gap) {
    co_return progress_response(416, address);
  }
  if (!added->whole) {
    co_return progress_response(202, address);
  }
  request.body = std::string();  // what is needed of it is elsewhere
  std::string encoding(request.content_encoding());
  auto decoded =
      co_await decode(address, std::move(*added->whole), std::move(encoding), request.pool);
  if (auto* const refusal = std::get_if<http::Response>(&decoded)) {
    co_return std::move(*refusal);
  }
  co_return fold(address, std::get<rounds::Contribution>(std::move(decoded)));
}

boost::asio::awaitable<std::variant<rounds::Contribution, http::Response>> Service::decode(
    Address address, Uploads::Whole whole, std::string encoding, http::WorkerPool* pool) {
  const auto& client = address.speaker.client;
  Decoding decoding(decoding_, uploads_, client);
  auto read = [whole = std::move(whole)] { return whole.read(); };
  auto bytes = co_await http::off_loop(pool, std::move(read));
  if (!bytes) {
    co_return refuse_chunk(address, bytes.error());
  }
  auto unpack = [packed = std::move(*bytes),
                 encoding = std::move(encoding),
                 most = coordinator_.max_contribution_bytes()]() mutable {
    auto unpacked = wire::decompress(encoding, std::move(packed), most);
    return unpacked ? wire::decode_contribution(*unpacked)
                    : Result<rounds::Contribution>(tl::unexpected(unpacked.error()));
  };
  auto decoded = co_await http::off_loop(pool, std::move(unpack));
  if (!decoded) {
    co_return refuse(client, decoded.error());
  }
  const auto* masked = std::get_if<rounds::Masked>(&decoded->body);
  const auto step = masked == nullptr
                        ? std::nullopt
                        : std::optional(rounds::StageStep{decoded->attempt, masked->stage});
  if (decoded->client != client || decoded->collection != address.collection ||
      step != address.step) {
    const Error error{Errc::kInvalidArgument,
                      "its header names another client, collection or stage than its address"};
    co_return refuse(client, error);
  }
  decoding.done();
  co_return std::move(*decoded);
}

http::Response Service::fold(const Address& address, rounds::Contribution contribution) {
  const auto& [collection, who, step] = address;
  const auto& client = who.client;
  const auto before = coordinator_.state().open;
  auto accepted = coordinator_.contribute(who.instance, std::move(contribution), clock_.now());
  if (!accepted) {
    uploads_.forget(client);
    spdlog::warn("contribution collection={} client={} refused: {}",
                 collection.value,
                 client.str(),
                 accepted.error().message);
    return reply(accepted);
  }
  uploads_.take(client);
  if (step) {
    uploads_.forget(client);  // the next stage's is another one
  }
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

http::Response Service::refuse_chunk(const Address& address, const Error& error) const {
  spdlog::warn("contribution collection={} client={} chunk refused: {}",
               address.collection.value,
               address.speaker.client.str(),
               error.message);
  return reply(tl::unexpected(error));
}

http::Response Service::refuse(const ClientId& client, const Error& error) {
  uploads_.forget(client);
  const auto refused = coordinator_.refuse(client, error, clock_.now());
  spdlog::warn("contribution client={} refused: {}", client.str(), error.message);
  return reply(refused);
}

}  // namespace genesis::aggregator
