#pragma once
// An exchange told as a script: what it does, what it is answered, and when. replay_with_faults
// plays a script again with each fault in the place of each of its answers.
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/overloaded.hpp"
#include "tests/support/catch.hpp"
#include "worker/exchange.hpp"

namespace genesis::worker {

using namespace std::chrono_literals;

inline http::ClientResponse response(int status,
                                     std::string body = {},
                                     http::Headers headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

/// An action as text, so that a failure shows which differ. Digests have a test of their own.
inline std::string told(const Action& action) {
  return std::visit(Overloaded{
                        [](const Send& send) {
                          std::string text = send.method + " " + send.path;
                          for (const auto& header : send.headers) {
                            if (!header.name.ends_with("-Digest")) {
                              text += ", " + header.name + ": " + header.value;
                            }
                          }
                          return text;
                        },
                        [](const Pause& pause) {
                          return "pause before retry " + std::to_string(pause.attempt) + ": " +
                                 pause.reason.message;
                        },
                        [](const Warn& warn) {
                          return "warn after " + std::to_string(warn.retrying_for.count()) +
                                 " ms, " + std::to_string(warn.patience_left.count()) + " ms and " +
                                 std::to_string(warn.attempts_left) +
                                 " retries left: " + warn.reason.message;
                        },
                        [](const Done&) { return std::string("done"); },
                        [](const Failed& failed) {
                          return "failed, " + std::string(to_string(failed.error.code)) + ": " +
                                 failed.error.message;
                        },
                    },
                    action);
}

/// An exchange with all that has to outlive it.
template <typename Exchange>
struct Bench {
  Bench() = default;
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  ExchangePolicy policy;
  Rng jitter{7, RoundId{0}, "site-1", "test"};
  ChunkLength length;
  std::optional<Exchange> exchange;
};
template <typename Exchange>
using Setup = std::function<void(Bench<Exchange>&)>;

inline Setup<AskExchange> asking(Send message, ExchangePolicy policy = {}) {
  return [=](Bench<AskExchange>& bench) {
    bench.policy = policy;
    bench.exchange.emplace(bench.policy, bench.jitter, message, Instant{});
  };
}
inline Setup<DownloadExchange> downloading(DownloadRequest request, ExchangePolicy policy = {}) {
  return [=](Bench<DownloadExchange>& bench) {
    bench.policy = policy;
    bench.exchange.emplace(bench.policy, bench.jitter, request, Instant{});
  };
}
inline Setup<UploadExchange> uploading(UploadRequest request,
                                       ExchangePolicy policy = {},
                                       ChunkLength length = ChunkLength{}) {
  return [=](Bench<UploadExchange>& bench) {
    bench.policy = policy;
    bench.length = length;
    bench.exchange.emplace(bench.policy, bench.jitter, bench.length, request, Instant{});
  };
}

// What happens in a script.
struct HeadSeen {  // of a success whose body is streamed
  http::ClientResponse head;
};
struct PartSeen {
  std::string bytes;
};
struct Happening {
  Milliseconds after{0};
  std::variant<Event, HeadSeen, PartSeen> what;
};

/// Lets it happen. As http::Client does, an error of head or take ends the request with it.
/// nullopt: the request goes on.
template <typename Exchange>
std::optional<Action> play(Exchange& exchange, const Happening& happening, Instant now) {
  if (const auto* const event = std::get_if<Event>(&happening.what)) {
    return exchange.resume(*event, now);
  }
  Status status;
  if constexpr (requires { exchange.received(); }) {
    if (const auto* const seen = std::get_if<HeadSeen>(&happening.what)) {
      status = exchange.head(seen->head);
    } else {
      status = exchange.take(std::get<PartSeen>(happening.what).bytes);
    }
  }
  return status ? std::nullopt
                : std::optional(exchange.resume(Answered{tl::unexpected(status.error())}, now));
}

template <typename Exchange>
class Script {
 public:
  explicit Script(Setup<Exchange> setup) : setup_(std::move(setup)) {
    setup_(*bench_);
    happen(Event(Proceed{}));
  }

  // What it does.
  Script& sends(const std::string& request) { return does(request); }
  Script& is_done() { return does("done"); }
  Script& has_failed(Errc code, const std::string& message) {
    return does(told(Failed{Error{code, message}}));
  }
  /// For half of `ceiling` at least and all of it at most; the script takes all of it.
  Script& pauses(Milliseconds ceiling, unsigned retry, const std::string& reason) {
    does("pause before retry " + std::to_string(retry) + ": " + reason);
    if (const auto* const pause = std::get_if<Pause>(&last_)) {
      CHECK(pause->time >= ceiling / 2);
      CHECK(pause->time <= ceiling);
    }
    return after(ceiling).happen(Event(Proceed{}));
  }
  Script& warns(Milliseconds retrying_for,
                Milliseconds patience_left,
                unsigned attempts_left,
                const std::string& reason) {
    const Error error{Errc::kUnavailable, reason};
    return does(told(Warn{retrying_for, patience_left, attempts_left, error}))
        .happen(Event(Proceed{}));
  }

  // What happens to it.
  Script& after(Milliseconds time) {
    after_ += time;
    return *this;
  }
  Script& answered(int status, std::string body = {}, http::Headers headers = {}) {
    return happen(Event(Answered{response(status, std::move(body), std::move(headers))}));
  }
  Script& breaks(Errc code, const std::string& message) {
    return happen(Event(Answered{fail(code, message)}));
  }
  Script& is_cut() { return breaks(Errc::kUnavailable, "cut"); }
  Script& sees(int status, http::Headers headers = {}) {
    return happen(HeadSeen{response(status, {}, std::move(headers))});
  }
  Script& takes(std::string part) { return happen(PartSeen{std::move(part)}); }
  /// In place of the pause that it asked for.
  Script& stops() { return happen(Event(Stop{})); }

  [[nodiscard]] Exchange& exchange() { return *bench_->exchange; }
  [[nodiscard]] const Bench<Exchange>& bench() const { return *bench_; }
  [[nodiscard]] const Send& request() const { return std::get<Send>(last_); }
  [[nodiscard]] const Setup<Exchange>& setup() const { return setup_; }
  [[nodiscard]] const std::vector<Happening>& happenings() const { return happenings_; }

 private:
  Script& does(const std::string& expected) {
    CAPTURE(happenings_.size());
    CHECK(told(last_) == expected);
    return *this;
  }
  Script& happen(std::variant<Event, HeadSeen, PartSeen> what) {
    now_ += after_;
    happenings_.push_back({std::exchange(after_, 0ms), std::move(what)});
    if (auto action = play(*bench_->exchange, happenings_.back(), now_)) {
      last_ = std::move(*action);
    }
    return *this;
  }

  Setup<Exchange> setup_;
  std::unique_ptr<Bench<Exchange>> bench_ = std::make_unique<Bench<Exchange>>();
  std::vector<Happening> happenings_;
  Instant now_{};
  Milliseconds after_{0};
  Action last_;
};

enum class Fault {
  kCut,
  kTimeout,
  kUnavailable,   // 503
  kInternal,      // 500
  kUnauthorized,  // 401
  kConflict,      // 409
  kPrecondition,  // 412
  kRange,         // 416
  kAltered,       // 422
  kTooLarge,      // more than max_body
  kNotHttp,
  kGarbage,  // a 200 with something else in it
};
inline constexpr Fault kFaults[] = {Fault::kCut,
                                    Fault::kTimeout,
                                    Fault::kUnavailable,
                                    Fault::kInternal,
                                    Fault::kUnauthorized,
                                    Fault::kConflict,
                                    Fault::kPrecondition,
                                    Fault::kRange,
                                    Fault::kAltered,
                                    Fault::kTooLarge,
                                    Fault::kNotHttp,
                                    Fault::kGarbage};

inline Result<http::ClientResponse> answer_of(Fault fault) {
  switch (fault) {
    case Fault::kCut:
      return fail(Errc::kUnavailable, "the server closed the connection");
    case Fault::kTimeout:
      return fail(Errc::kDeadlineExceeded, "it took too long");
    case Fault::kUnavailable:
      return response(503);
    case Fault::kInternal:
      return response(500);
    case Fault::kUnauthorized:
      return response(401);
    case Fault::kConflict:
      return response(409);
    case Fault::kPrecondition:
      return response(412);
    case Fault::kRange:
      return response(416);
    case Fault::kAltered:
      return response(422);
    case Fault::kTooLarge:
      return fail(Errc::kResourceExhausted, "the response is too large");
    case Fault::kNotHttp:
      return fail(Errc::kInvalidArgument, "it does not answer in HTTP/1.1");
    case Fault::kGarbage:
      return response(200, "<html>");
  }
  return fail(Errc::kInternal, "no such fault");
}

/// What an exchange has to make of a fault.
struct Retries {};
struct Ends {};  // well: it can't tell, or need not care
using Reaction = std::variant<Retries, Ends, Errc>;

/// Of any request whose answer is not looked into.
inline Reaction usual_reaction(Fault fault) {
  switch (fault) {
    case Fault::kCut:
    case Fault::kTimeout:
    case Fault::kUnavailable:
      return Retries{};
    case Fault::kInternal:
      return Errc::kInternal;
    case Fault::kUnauthorized:
      return Errc::kUnauthenticated;
    case Fault::kConflict:
      return Errc::kConflict;
    case Fault::kPrecondition:
      return Errc::kFailedPrecondition;
    case Fault::kRange:
    case Fault::kNotHttp:
      return Errc::kInvalidArgument;
    case Fault::kAltered:
      return Errc::kDataLoss;
    case Fault::kTooLarge:
      return Errc::kResourceExhausted;
    case Fault::kGarbage:
      return Ends{};
  }
  return Ends{};
}

/// The answer to what is under way, streamed where the exchange takes a stream.
template <typename Exchange>
Action answer(Exchange& exchange, const Result<http::ClientResponse>& got, Instant now) {
  auto last = got;
  if constexpr (requires { exchange.received(); }) {
    if (last && last->is_success()) {
      const http::ClientResponse head{last->status, last->headers, {}};
      for (const Happening& happening :
           {Happening{0ms, HeadSeen{head}}, Happening{0ms, PartSeen{last->body}}}) {
        if (auto ended = play(exchange, happening, now)) {
          return *ended;
        }
      }
      last->body.clear();
    }
  }
  return exchange.resume(Answered{std::move(last)}, now);
}

/// Longest time from one failure of a budget to its last, when each try takes `deadline` at most.
inline Milliseconds longest_retrying(const ExchangePolicy& policy) {
  const auto round = std::max(policy.poll, policy.transfer) + policy.backoff.ceiling;
  return std::max<Milliseconds>(policy.patience, round * (policy.retry_attempts + 1)) + round;
}

/// Answers all that is sent with `fault`, from `now` on: it ends, in time.
template <typename Exchange>
void check_it_ends(
    Exchange& exchange, const ExchangePolicy& policy, Action action, Fault fault, Instant now) {
  // An upload may ask for its progress for as long again, once a chunk has failed.
  const Instant latest = now + 2 * longest_retrying(policy);
  while (!std::holds_alternative<Done>(action) && !std::holds_alternative<Failed>(action)) {
    if (const auto* const send = std::get_if<Send>(&action)) {
      now += fault == Fault::kTimeout ? send->deadline : 10ms;
      action = answer(exchange, answer_of(fault), now);
    } else {
      if (const auto* const pause = std::get_if<Pause>(&action)) {
        CHECK(pause->time <= policy.backoff.ceiling);
        now += pause->time;
      }
      action = exchange.resume(Proceed{}, now);
    }
    REQUIRE(now <= latest);
  }
}

/// Plays `script` up to each of its answers, heads and parts, and each fault instead.
/// `reaction(fault, request)` is what has to follow at once. Then it is stopped, or the fault
/// stays.
template <typename Exchange, typename React>
void replay_with_faults(const Script<Exchange>& script, const React& reaction) {
  std::size_t replayed = 0;
  for (std::size_t at = 0; at < script.happenings().size(); ++at) {
    const auto* const event = std::get_if<Event>(&script.happenings()[at].what);
    if (event != nullptr && !std::holds_alternative<Answered>(*event)) {
      continue;
    }
    for (const auto fault : kFaults) {
      CAPTURE(at, static_cast<int>(fault));
      for (const bool is_stopped : {true, false}) {
        Bench<Exchange> bench;
        script.setup()(bench);
        Instant now{};
        Action action;
        Send request;
        for (std::size_t i = 0; i < at; ++i) {
          now += script.happenings()[i].after;
          if (auto next = play(*bench.exchange, script.happenings()[i], now)) {
            action = std::move(*next);
          }
          if (const auto* const send = std::get_if<Send>(&action)) {
            request = *send;
          }
        }
        const Reaction expected = reaction(fault, request);
        action = answer(*bench.exchange, answer_of(fault), now);
        if (std::holds_alternative<Ends>(expected)) {
          CHECK(told(action) == "done");
          continue;
        }
        if (const auto* const code = std::get_if<Errc>(&expected)) {
          REQUIRE(std::holds_alternative<Failed>(action));
          CHECK(to_string(std::get<Failed>(action).error.code) == to_string(*code));
          continue;
        }
        if (std::holds_alternative<Warn>(action)) {
          action = bench.exchange->resume(Proceed{}, now);
        }
        REQUIRE(std::holds_alternative<Pause>(action));
        const auto reason = std::get<Pause>(action).reason;
        if (is_stopped) {
          CHECK(told(bench.exchange->resume(Stop{}, now)) == told(Failed{reason}));
          continue;
        }
        const auto next = bench.exchange->resume(Proceed{}, now);
        REQUIRE(std::holds_alternative<Send>(next));
        CHECK(std::get<Send>(next).path == request.path);
        check_it_ends(*bench.exchange, bench.policy, next, fault, now);
        ++replayed;
      }
    }
  }
  REQUIRE(replayed > 0);
}

}  // namespace genesis::worker
