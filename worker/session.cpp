#include "worker/session.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "common/crypto/digest.hpp"
#include "common/wire/compression.hpp"
#include "common/wire/messages.hpp"
#include "worker/metrics.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMaxModelBytes = std::uint64_t{512} << 20;
constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{64} << 20;
// Before the spec is known: a server that starts after its clients is normal.
constexpr Milliseconds kStartPatience{120'000};
constexpr Milliseconds kStartRequest{30'000};
constexpr std::uint64_t kMinChunkBytes = std::uint64_t{16} << 10;
constexpr unsigned kSoundBeforeLonger = 4;  // chunks in a row before longer ones are tried again

// Waits for `time`, or until there is reason to stop.
void pause(const std::stop_token& stop, Milliseconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any nothing_else;
  nothing_else.wait_for(lock, stop, time, [] { return false; });
}

// As metrics name it.
std::string_view name_of(std::string_view encoding) {
  return encoding == "gzip" ? "gzip" : encoding == "zstd" ? "zstd" : "none";
}

}  // namespace

class Session::Tries {
 public:
  explicit Tries(Milliseconds patience) : patience_(patience) { got_on(); }
  void got_on() {
    count_ = 0;
    give_up_ = std::chrono::steady_clock::now() + patience_;
  }
  [[nodiscard]] unsigned count() const { return count_; }
  /// One more has failed: whether it was the last.
  bool fail(unsigned attempts) {
    return count_++ >= attempts && std::chrono::steady_clock::now() >= give_up_;
  }

 private:
  Milliseconds patience_;
  unsigned count_ = 0;
  std::chrono::steady_clock::time_point give_up_;
};

// What has arrived of a body, over all tries.
struct Session::Received {
  std::string bytes;
  std::string etag;  // names what they are of; "" where they can't be gone on with
  std::string encoding;
  std::uint64_t travelled = 0;
};

Session::Session(http::Client client, const ClientOptions& options)
    : client_(std::move(client)),
      options_(options),
      jitter_(0, RoundId{0}, options.client.str(), "retry jitter"),
      patience_(kStartPatience),
      poll_(kStartRequest),
      transfer_(kStartRequest) {}

void Session::adopt(const spec::Communication& communication, const federation::Deadlines& waits) {
  attempts_ = static_cast<unsigned>(communication.retry_attempts);
  patience_ = waits.patience;
  poll_ = waits.poll;
  transfer_ = communication.timeout_seconds ? std::chrono::seconds(*communication.timeout_seconds)
                                            : waits.transfer;
  backoff_.ceiling = waits.backoff;
}

http::ClientRequest Session::request(const std::string& method, const std::string& path) const {
  http::ClientRequest request;
  request.method = method;
  request.path = path;
  request.deadline = path.starts_with(kTaskPath) ? poll_ : transfer_;
  request.max_body = kMaxAnswerBytes;
  request.headers.push_back({std::string(wire::kInstanceHeader), options_.instance});
  if (options_.auth_token) {
    request.headers.push_back(
        {"Authorization", "Bearer " + std::string(options_.auth_token->reveal())});
  }
  return request;
}

bool Session::may_try_again(Tries& tries, const std::string& path, const Error& error) {
  const unsigned attempt = tries.count();
  if (!is_retryable(error.code) || tries.fail(attempts_) || options_.stop.stop_requested()) {
    return false;
  }
  spdlog::debug("retry client={} path={} attempt={} reason={}",
                options_.client.str(),
                path,
                attempt + 1,
                error.message);
  options_.metrics->retried();
  pause(options_.stop, http::backoff(attempt, jitter_, backoff_));
  return true;
}

Result<std::string> Session::ask(const std::string& method,
                                 const std::string& path,
                                 std::string_view body) {
  auto message = request(method, path);
  message.body = body;
  for (Tries tries(patience_);;) {
    auto response = client_.request(message);
    if (response && response->is_success()) {
      return std::move(response->body);
    }
    Error error = response ? http::error_of(*response) : response.error();
    if (!may_try_again(tries, path, error)) {
      return tl::unexpected(std::move(error));
    }
  }
}

Result<Session::Download> Session::download(const std::string& path, std::string_view encoding) {
  Received received;
  for (Tries tries(patience_);;) {
    const auto before = received.travelled;
    auto done = receive(path, encoding, received);
    if (done) {
      GENESIS_ASSIGN(
          auto bytes,
          wire::decompress(received.encoding, std::move(received.bytes), kMaxModelBytes));
      return Download{std::move(bytes), name_of(received.encoding), received.travelled};
    }
    if (received.travelled > before) {
      tries.got_on();
    }
    if (!may_try_again(tries, path, done.error())) {
      return tl::unexpected(std::move(done).error());
    }
  }
}

// One try: goes on where the ones before were cut.
Status Session::receive(const std::string& path, std::string_view encoding, Received& received) {
  auto message = request("GET", path);
  if (!encoding.empty()) {
    message.headers.push_back({"Accept-Encoding", std::string(encoding)});
  }
  if (received.etag.empty()) {
    received.bytes.clear();
  } else {
    message.headers.push_back({"Range", "bytes=" + std::to_string(received.bytes.size()) + "-"});
    message.headers.push_back({"If-Range", received.etag});
  }
  const auto begin = "bytes " + std::to_string(received.bytes.size()) + "-";
  auto head = [&received, begin](const http::ClientResponse& seen) -> Status {
    if (seen.status == 206) {
      if (!seen.header("content-range").starts_with(begin)) {
        return fail(Errc::kInvalidArgument, "the server sent another part than was asked for");
      }
      return {};
    }
    received.bytes.clear();
    received.etag = seen.header("etag");
    received.encoding = seen.header("content-encoding");
    return {};
  };
  auto take = [&received](std::string_view part) -> Status {
    if (received.bytes.size() + part.size() > kMaxModelBytes) {
      return fail(Errc::kResourceExhausted,
                  "the server sends more than " + std::to_string(kMaxModelBytes) + " bytes");
    }
    received.bytes.append(part);
    received.travelled += part.size();
    return {};
  };
  auto response = client_.stream(message, take, head);
  if (!response) {
    return tl::unexpected(std::move(response).error());
  }
  if (response->status == 416) {  // all of it was there; only the end of the answer was cut
    return {};
  }
  return response->is_success() ? Status() : Status(tl::unexpected(http::error_of(*response)));
}

Status Session::upload(const std::string& path, std::string_view bytes, std::string_view encoding) {
  const auto sha256 = crypto::sha256_hex(bytes);
  std::optional<wire::UploadProgress> progress;  // as the server last said
  for (Tries tries(patience_);;) {
    if (!progress) {
      GENESIS_ASSIGN(const std::string known, ask("GET", path, ""));
      GENESIS_ASSIGN(progress, wire::decode_upload_progress(known));
    }
    const auto chunk = wire::next_chunk(bytes, sha256, *progress, chunk_bytes_);
    if (!chunk) {
      return {};
    }
    auto answer =
        put(path, bytes.substr(chunk->begin, chunk->end - chunk->begin), *chunk, encoding);
    if (answer) {
      progress = std::move(*answer);
      if (++sound_chunks_ % kSoundBeforeLonger == 0) {
        chunk_bytes_ = std::min(chunk_bytes_ * 2, wire::kMaxChunkBytes);
      }
      tries.got_on();
      continue;
    }
    progress.reset();
    sound_chunks_ = 0;
    chunk_bytes_ = std::max(chunk_bytes_ / 2, kMinChunkBytes);
    if (!may_try_again(tries, path, answer.error())) {
      return tl::unexpected(std::move(answer).error());
    }
  }
}

Result<wire::UploadProgress> Session::put(const std::string& path,
                                          std::string_view body,
                                          const wire::Chunk& chunk,
                                          std::string_view encoding) {
  auto message = request("PUT", path);
  message.body = body;
  const auto headers = wire::headers_of(chunk);
  message.headers.push_back({"Content-Range", headers.content_range});
  message.headers.push_back({"Content-Digest", headers.content_digest});
  message.headers.push_back({"Repr-Digest", headers.repr_digest});
  if (!encoding.empty()) {
    message.headers.push_back({"Content-Encoding", std::string(encoding)});
  }
  auto response = client_.request(message);
  if (!response) {
    return tl::unexpected(std::move(response).error());
  }
  options_.metrics->sent(name_of(encoding), body.size());
  if (response->status == 200) {  // taken, whatever the server still knows of its bytes
    return wire::UploadProgress{chunk.upload_sha256, chunk.size, chunk.size};
  }
  if (response->is_success()) {
    return wire::decode_upload_progress(response->body);
  }
  Error error = http::error_of(*response);
  // It has lost bytes that it had, or got them altered: they are sent again.
  if (response->status == 416 || error.code == Errc::kDataLoss) {
    error.code = Errc::kUnavailable;
  }
  return tl::unexpected(std::move(error));
}

}  // namespace genesis::worker
