#pragma once
// The three kinds of exchange with the server as pure machines: ask (one request), download (a GET
// that resumes) and upload (chunks that resume). Each has one resume(event, now) that returns the
// next action. No socket, no clock, no thread: worker::Session carries the actions out.
//
// What fails with a retryable error (base/error.hpp) is tried again after a pause. An exchange
// gives up once it has made its retries and its patience has run out, both counted from the last
// byte that got through. docs/protocol.md, "Time" and "Transfers", tells the same.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/base/rng.hpp"
#include "common/federation/deadlines.hpp"
#include "common/http/backoff.hpp"
#include "common/http/message.hpp"
#include "common/spec/federated_training.hpp"
#include "common/spec/parse.hpp"
#include "common/wire/model_file.hpp"
#include "common/wire/transfer.hpp"

namespace genesis::worker {

inline constexpr std::string_view kTaskPath = "/v1/task";
/// Shortest chunk that a bad link leads to: a request's headers are still small beside it.
inline constexpr std::uint64_t kMinChunkBytes = std::uint64_t{16} << 10;

/// The defaults hold until the spec is known, where the site has not chosen for itself. A server
/// may start after its clients.
struct ExchangePolicy {
  unsigned retry_attempts = 3;     // retries that are made even after patience has run out
  Milliseconds patience{120'000};  // how long it is tried again
  Milliseconds poll{30'000};      // deadline of GET /v1/task, whose answer the server may hold back
  Milliseconds transfer{30'000};  // deadline of any other request
  http::BackoffPolicy backoff;    // of the pauses between tries
  bool is_name_awaited = true;    // tried again while another process has this client's name
};
[[nodiscard]] ExchangePolicy exchange_policy(const spec::Communication& communication,
                                             const federation::Deadlines& waits);
/// Until the spec is known, by what the site has chosen for itself: communication.timeoutSeconds is
/// the deadline of a request and its patience; communication.retryAttempts alone leaves none, so
/// that it gives up after so many. What is no number is left to the spec's own rules.
[[nodiscard]] ExchangePolicy exchange_policy(std::span<const spec::Override> choices);

// Events.
struct Proceed {};  // begin; the pause is over; the warning is written
struct Answered {   // to Send; where the body was streamed, the response's own is empty
  Result<http::ClientResponse> response;
};
struct Stop {};  // the worker is shutting down: in place of Proceed
using Event = std::variant<Proceed, Answered, Stop>;

// Actions. The answer to Send is Answered, to Pause and Warn Proceed. Done and Failed are the last.
struct Send {
  std::string method = {};
  std::string path = {};
  std::string_view body = {};     // the caller's bytes, which outlive the exchange
  http::Headers headers = {};     // beside the credentials, which the pump adds
  Milliseconds deadline{30'000};  // from connecting to the last byte
};
struct Pause {
  Milliseconds time{0};
  unsigned attempt = 1;  // number of the retry that follows, from 1 since the last byte got through
  Error reason;
};
struct Warn {  // for whoever reads the worker's log: nothing has worked for a while
  Milliseconds retrying_for{0};
  Milliseconds patience_left{0};  // it is retried for at least so long
  unsigned attempts_left = 0;     // and at least so many times
  Error reason;
};
struct Done {};
struct Failed {
  Error error;
};
using Action = std::variant<Send, Pause, Warn, Done, Failed>;

/// The retry budget of one exchange, and when it warns.
class Retry {
 public:
  // Soon enough that people at a site see within 5 s why nothing happens: the fifth try at the
  // latest, or the first that had to wait.
  static constexpr Milliseconds kWarnAfter{1'500};
  static constexpr Milliseconds kWarnEvery{30'000};  // after the first warning

  /// `policy` and `jitter` outlive it.
  Retry(const ExchangePolicy& policy, Rng& jitter, Instant now);

  /// Bytes got through: the budget is whole again.
  void progressed(Instant now);
  /// A try failed. Failed where the error is permanent or the budget is used up; else Pause, with
  /// Warn before it where one is due.
  [[nodiscard]] Action failed(Error error, Instant now);
  /// What Proceed or Stop leads to; nullopt: the next try.
  [[nodiscard]] std::optional<Action> before_try(const Event& event);

 private:
  [[nodiscard]] bool is_warning_due(Instant now) const;

  const ExchangePolicy& policy_;
  Rng& jitter_;
  unsigned failures_ = 0;                 // since the last byte got through
  Instant progressed_;                    // when the last byte got through
  std::optional<Instant> failing_since_;  // nullopt: nothing has failed since then
  std::optional<Instant> warned_;
  std::optional<Pause> announced_;  // by the warning that is being written
  Error last_error_{Errc::kFailedPrecondition, "stopped before it was sent"};
};

/// One request with a short body and a short answer. kTaskPath has a deadline of its own.
class AskExchange {
 public:
  /// `policy`, `jitter` and the message's body outlive it; the message's deadline is the policy's.
  AskExchange(const ExchangePolicy& policy, Rng& jitter, Send message, Instant now);

  [[nodiscard]] Action resume(Event event, Instant now);
  /// The successful answer's, once it is done.
  [[nodiscard]] std::string& body() { return body_; }

 private:
  Retry retry_;
  Send message_;
  bool is_name_awaited_;
  std::string body_;
};

/// What a download asks for.
struct DownloadRequest {
  std::string path;
  std::string encoding = {};                       // Accept-Encoding; "" for none
  std::uint64_t max_bytes = wire::kMaxModelBytes;  // as they travel; more is kResourceExhausted
};

/// A GET whose body may be cut: it continues at the byte where it was, as long as the server still
/// has the bytes of the same ETag, and starts anew where it does not.
class DownloadExchange {
 public:
  /// `policy` and `jitter` outlive it.
  DownloadExchange(const ExchangePolicy& policy, Rng& jitter, DownloadRequest request, Instant now);

  [[nodiscard]] Action resume(Event event, Instant now);
  /// Between Send and Answered, of a success alone: status and headers, then the body part by part.
  /// An error ends the request, and comes back as its answer.
  [[nodiscard]] Status head(const http::ClientResponse& seen);
  [[nodiscard]] Status take(std::string_view part);

  struct Received {
    std::string bytes;  // as they travelled
    std::string encoding;
    std::uint64_t travelled = 0;  // bytes, with what was sent twice
  };
  [[nodiscard]] Received& received() { return received_; }

 private:
  [[nodiscard]] Send next_request();
  [[nodiscard]] Action answered(const Result<http::ClientResponse>& response, Instant now);

  Retry retry_;
  DownloadRequest request_;
  Milliseconds deadline_;
  Received received_;
  std::string etag_;        // of the bytes; "": the next try starts anew
  bool is_rest_ = false;    // the request under way asks for what is missing
  std::uint64_t most_ = 0;  // bytes that were held at once
};

/// How long the chunks on a link are: half after one that failed, twice after four that got
/// through. It outlives the upload, as the link does.
class ChunkLength {
 public:
  explicit ChunkLength(std::uint64_t bytes = wire::kMaxChunkBytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  void got_through();
  void failed();

 private:
  std::uint64_t bytes_;
  unsigned sound_ = 0;  // chunks since the last that failed
};

/// What an upload sends: `bytes` outlive it and are in `encoding` ("" for none) already.
struct UploadRequest {
  std::string path;
  std::string_view bytes = {};
  std::string encoding = {};
};

/// PUTs in chunks. Before the first, and after each that failed, the server is asked how much it
/// has, from this process or an earlier one, and is sent the rest.
class UploadExchange {
 public:
  /// `policy`, `jitter` and `length` outlive it.
  UploadExchange(const ExchangePolicy& policy,
                 Rng& jitter,
                 ChunkLength& length,
                 UploadRequest request,
                 Instant now);

  [[nodiscard]] Action resume(Event event, Instant now);

 private:
  [[nodiscard]] Action ask(Instant now);
  [[nodiscard]] Action asked(Event event, Instant now);
  [[nodiscard]] Action put(const wire::UploadProgress& progress);
  [[nodiscard]] Action answered(const Result<http::ClientResponse>& response, Instant now);
  [[nodiscard]] Result<wire::UploadProgress> progress_after(
      const Result<http::ClientResponse>& response) const;

  const ExchangePolicy& policy_;
  Rng& jitter_;
  ChunkLength& length_;
  UploadRequest request_;
  std::string sha256_;
  Retry retry_;                        // of chunks
  std::optional<AskExchange> asking_;  // how much the server has; with a budget of its own
  wire::Chunk chunk_;                  // under way
};

}  // namespace genesis::worker
