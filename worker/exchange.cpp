#include "worker/exchange.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/crypto/digest.hpp"

namespace genesis::worker {
namespace {

constexpr unsigned kSoundBeforeLonger = 4;  // chunks in a row before longer ones are tried again

Milliseconds deadline_of(const ExchangePolicy& policy, std::string_view path) {
  return path.starts_with(kTaskPath) ? policy.poll : policy.transfer;
}

}  // namespace

ExchangePolicy exchange_policy(const spec::Communication& communication,
                               const federation::Deadlines& waits) {
  ExchangePolicy policy;
  policy.retry_attempts = static_cast<unsigned>(communication.retry_attempts);
  policy.patience = waits.patience;
  policy.poll = waits.poll;
  policy.transfer = communication.timeout_seconds
                        ? std::chrono::seconds(*communication.timeout_seconds)
                        : waits.transfer;
  policy.backoff.ceiling = waits.backoff;
  return policy;
}

ExchangePolicy exchange_policy(std::span<const spec::Override> choices) {
  const auto chosen = [&](std::string_view path) -> std::optional<std::uint32_t> {
    const auto choice = std::ranges::find(choices, path, &spec::Override::path);
    std::uint32_t number = 0;
    if (choice == choices.end() ||
        std::from_chars(choice->value.data(), choice->value.data() + choice->value.size(), number)
                .ec != std::errc()) {
      return std::nullopt;
    }
    return number;
  };
  ExchangePolicy policy;
  if (const auto attempts = chosen("communication.retryAttempts")) {
    policy.retry_attempts = *attempts;
    policy.patience = Milliseconds(0);
  }
  if (const auto seconds = chosen("communication.timeoutSeconds")) {
    policy.transfer = std::chrono::seconds(*seconds);
    policy.patience = policy.transfer;
  }
  return policy;
}

Retry::Retry(const ExchangePolicy& policy, Rng& jitter, Instant now)
    : policy_(policy), jitter_(jitter), progressed_(now) {}

void Retry::progressed(Instant now) {
  failures_ = 0;
  progressed_ = now;
  failing_since_.reset();
}

Action Retry::failed(Error error, Instant now) {
  last_error_ = error;
  const Instant give_up = progressed_ + policy_.patience;
  if (!is_retryable(error.code) || (failures_ >= policy_.retry_attempts && now >= give_up)) {
    return Failed{std::move(error)};
  }
  Pause pause{http::backoff(failures_, jitter_, policy_.backoff), failures_ + 1, error};
  ++failures_;
  if (!failing_since_) {
    // Nothing came before a deadline that was missed; a long poll that was cut had been waiting.
    failing_since_ = error.code == Errc::kDeadlineExceeded ? progressed_ : now;
  }
  if (!is_warning_due(now)) {
    return pause;
  }
  warned_ = now;
  announced_ = std::move(pause);
  const unsigned made = failures_ - 1;  // the one that is announced is still to come
  return Warn{now - *failing_since_,
              std::max(give_up - now, Milliseconds(0)),
              policy_.retry_attempts - std::min(made, policy_.retry_attempts),
              std::move(error)};
}

bool Retry::is_warning_due(Instant now) const {
  return now - *failing_since_ >= kWarnAfter && (!warned_ || now - *warned_ >= kWarnEvery);
}

std::optional<Action> Retry::before_try(const Event& event) {
  if (std::holds_alternative<Stop>(event)) {
    return Failed{last_error_};
  }
  if (announced_) {
    return *std::exchange(announced_, std::nullopt);
  }
  return std::nullopt;
}

AskExchange::AskExchange(const ExchangePolicy& policy, Rng& jitter, Send message, Instant now)
    : retry_(policy, jitter, now),
      message_(std::move(message)),
      is_name_awaited_(policy.is_name_awaited) {
  message_.deadline = deadline_of(policy, message_.path);
}

Action AskExchange::resume(Event event, Instant now) {
  auto* const answer = std::get_if<Answered>(&event);
  if (answer == nullptr) {
    const auto first = retry_.before_try(event);
    return first ? *first : Action(message_);
  }
  auto& response = answer->response;
  if (!response) {
    return retry_.failed(std::move(response).error(), now);
  }
  if (!response->is_success()) {
    auto error = http::error_of(*response);
    if (error.code == Errc::kAlreadyExists && is_name_awaited_) {
      error.code = Errc::kUnavailable;
    }
    return retry_.failed(std::move(error), now);
  }
  body_ = std::move(response->body);
  return Done{};
}

DownloadExchange::DownloadExchange(const ExchangePolicy& policy,
                                   Rng& jitter,
                                   DownloadRequest request,
                                   Instant now)
    : retry_(policy, jitter, now),
      request_(std::move(request)),
      deadline_(deadline_of(policy, request_.path)) {}

Action DownloadExchange::resume(Event event, Instant now) {
  if (const auto* const answer = std::get_if<Answered>(&event)) {
    return answered(answer->response, now);
  }
  const auto first = retry_.before_try(event);
  return first ? *first : Action(next_request());
}

// Goes on where the tries before were cut.
Send DownloadExchange::next_request() {
  Send message{.method = "GET", .path = request_.path, .deadline = deadline_};
  if (!request_.encoding.empty()) {
    message.headers.push_back({"Accept-Encoding", request_.encoding});
  }
  is_rest_ = !etag_.empty();
  if (is_rest_) {
    message.headers.push_back({"Range", "bytes=" + std::to_string(received_.bytes.size()) + "-"});
    message.headers.push_back({"If-Range", etag_});
  }
  return message;
}

Status DownloadExchange::head(const http::ClientResponse& seen) {
  if (seen.status == 206) {
    const auto begin = "bytes " + std::to_string(received_.bytes.size()) + "-";
    if (!is_rest_ || !seen.header("content-range").starts_with(begin)) {
      return fail(Errc::kInvalidArgument, "the server sent another part than was asked for");
    }
    return {};
  }
  received_.bytes.clear();
  etag_ = seen.header("etag");
  received_.encoding = seen.header("content-encoding");
  return {};
}

Status DownloadExchange::take(std::string_view part) {
  if (received_.bytes.size() + part.size() > request_.max_bytes) {
    return fail(Errc::kResourceExhausted,
                "the server sends more than " + std::to_string(request_.max_bytes) + " bytes");
  }
  received_.bytes.append(part);
  received_.travelled += part.size();
  return {};
}

Action DownloadExchange::answered(const Result<http::ClientResponse>& response, Instant now) {
  // Bytes that only replace such as were given up are no progress: on a link that is always cut at
  // the same place, a server without ETags would be asked for ever.
  if (received_.bytes.size() > most_) {
    most_ = received_.bytes.size();
    retry_.progressed(now);
  }
  if (!response) {
    return retry_.failed(response.error(), now);
  }
  const bool was_all_there = is_rest_ && response->status == 416;  // only the end was cut
  if (response->is_success() || was_all_there) {
    return Done{};
  }
  return retry_.failed(http::error_of(*response), now);
}

void ChunkLength::got_through() {
  if (++sound_ % kSoundBeforeLonger == 0) {
    bytes_ = std::min(bytes_ * 2, wire::kMaxChunkBytes);
  }
}

void ChunkLength::failed() {
  sound_ = 0;
  bytes_ = std::max(bytes_ / 2, kMinChunkBytes);
}

UploadExchange::UploadExchange(const ExchangePolicy& policy,
                               Rng& jitter,
                               ChunkLength& length,
                               UploadRequest request,
                               Instant now)
    : policy_(policy),
      jitter_(jitter),
      length_(length),
      request_(std::move(request)),
      sha256_(crypto::sha256_hex(request_.bytes)),
      retry_(policy, jitter, now) {}

Action UploadExchange::resume(Event event, Instant now) {
  if (asking_) {
    return asked(std::move(event), now);
  }
  if (const auto* const answer = std::get_if<Answered>(&event)) {
    return answered(answer->response, now);
  }
  const auto first = retry_.before_try(event);
  return first ? *first : ask(now);
}

Action UploadExchange::ask(Instant now) {
  asking_.emplace(policy_, jitter_, Send{.method = "GET", .path = request_.path}, now);
  return asking_->resume(Proceed{}, now);
}

Action UploadExchange::asked(Event event, Instant now) {
  auto action = asking_->resume(std::move(event), now);
  if (!std::holds_alternative<Done>(action)) {
    return action;
  }
  auto progress = wire::decode_upload_progress(asking_->body());
  asking_.reset();
  if (!progress) {
    return Failed{std::move(progress).error()};
  }
  return put(*progress);
}

Action UploadExchange::put(const wire::UploadProgress& progress) {
  auto next = wire::next_chunk(request_.bytes, sha256_, progress, length_.bytes());
  if (!next) {
    return Done{};
  }
  chunk_ = std::move(*next);
  const auto headers = wire::headers_of(chunk_);
  Send message{.method = "PUT",
               .path = request_.path,
               .body = request_.bytes.substr(chunk_.begin, chunk_.end - chunk_.begin),
               .headers = {{"Content-Range", headers.content_range},
                           {"Content-Digest", headers.content_digest},
                           {"Repr-Digest", headers.repr_digest}},
               .deadline = deadline_of(policy_, request_.path)};
  if (!request_.encoding.empty()) {
    message.headers.push_back({"Content-Encoding", request_.encoding});
  }
  return message;
}

Action UploadExchange::answered(const Result<http::ClientResponse>& response, Instant now) {
  auto progress = progress_after(response);
  if (!progress) {
    length_.failed();
    return retry_.failed(std::move(progress).error(), now);
  }
  length_.got_through();
  retry_.progressed(now);
  return put(*progress);
}

Result<wire::UploadProgress> UploadExchange::progress_after(
    const Result<http::ClientResponse>& response) const {
  if (!response) {
    return tl::unexpected(response.error());
  }
  if (response->status == 200) {  // taken, whatever the server still knows of its bytes
    return wire::UploadProgress{sha256_, chunk_.size, chunk_.size};
  }
  if (!response->is_success()) {
    Error error = http::error_of(*response);
    // It has lost bytes that it had, or got them altered: they are sent again.
    if (response->status == 416 || error.code == Errc::kDataLoss) {
      error.code = Errc::kUnavailable;
    }
    return tl::unexpected(std::move(error));
  }
  GENESIS_ASSIGN(auto progress, wire::decode_upload_progress(response->body));
  const bool is_same = progress.sha256 == sha256_ && progress.size == chunk_.size;
  if (!is_same || progress.offset <= chunk_.begin) {
    return fail(Errc::kUnavailable, "the server accepted a chunk and kept none of it");
  }
  return progress;
}

}  // namespace genesis::worker
