#pragma once
// A server in memory behind a link that misbehaves as it is told: an exchange is run against it
// until it ends, on a clock of its own.
#include <algorithm>
#include <deque>

#include "common/crypto/digest.hpp"
#include "tests/unit/worker/exchange_script.hpp"

namespace genesis::worker {

/// What happens to one request.
struct Trouble {
  enum class Kind {
    kNone,
    kLostRequest,  // the link is cut before the server has it
    kLostAnswer,   // the server has done it; the answer is cut after `bytes` of its body
    kSilence,      // nothing comes until the deadline, though the server has done it
    kAnswer,       // the server answers with `fault`
    kForgets,      // the server is started anew, without unfinished uploads; the link is cut
    kChanges,      // the document is another one from now on; the link is cut
  };
  Kind kind = Kind::kNone;
  std::size_t bytes = 0;
  Fault fault = Fault::kUnavailable;
  Milliseconds takes{20};
};

/// Holds a document to be downloaded and takes an upload by wire::place.
class Server {
 public:
  std::string document = "the document";
  std::string next_document = "another document";
  bool has_etags = true;
  std::string uploaded;  // whole: the bytes that were taken

  http::ClientResponse handle(const Send& request) {
    if (request.method == "PUT") {
      return take(request);
    }
    if (request.path.ends_with("/updates/site-1")) {
      return response(200, wire::encode(progress_));
    }
    return serve(request);
  }
  void forget() {
    progress_ = {};
    held_.clear();
  }
  void change() { document = next_document; }

 private:
  http::ClientResponse take(const Send& request) {
    const auto header = [&](std::string_view name) {
      return std::string(http::find_header(request.headers, name));
    };
    const auto chunk = wire::parse_chunk(
        {header("Content-Range"), header("Content-Digest"), header("Repr-Digest")});
    if (!chunk || chunk->sha256 != crypto::sha256_hex(request.body)) {
      return response(422);
    }
    const auto placement = wire::place(progress_, *chunk);
    if (!placement) {
      return response(416, wire::encode(progress_));
    }
    if (placement->is_new) {
      progress_ = {chunk->upload_sha256, chunk->size, 0};
      held_.clear();
    }
    held_.append(request.body.substr(placement->known));
    progress_.offset = held_.size();
    if (progress_.offset < progress_.size) {
      return response(202, wire::encode(progress_));
    }
    uploaded = held_;
    return response(200);
  }

  [[nodiscard]] http::ClientResponse serve(const Send& request) const {
    if (!has_etags) {
      return response(200, document);
    }
    const auto etag = "\"" + crypto::sha256_hex(document) + "\"";
    const std::string range(http::find_header(request.headers, "Range"));
    if (range.empty() || http::find_header(request.headers, "If-Range") != etag) {
      return response(200, document, {{"ETag", etag}});
    }
    const auto begin = std::stoul(range.substr(std::string("bytes=").size()));
    if (begin >= document.size()) {
      return response(416);
    }
    return response(206,
                    document.substr(begin),
                    {{"ETag", etag}, {"Content-Range", "bytes " + std::to_string(begin) + "-"}});
  }

  wire::UploadProgress progress_;
  std::string held_;
};

/// One request and its answer, as far as the trouble lets them through.
template <typename Exchange>
Action deliver(
    Exchange& exchange, Server& server, const Send& request, const Trouble& trouble, Instant& now) {
  using Kind = Trouble::Kind;
  now += trouble.kind == Kind::kSilence ? request.deadline : trouble.takes;
  const tl::unexpected<Error> cut = fail(Errc::kUnavailable, "cut");
  switch (trouble.kind) {
    case Kind::kNone:
      return answer(exchange, server.handle(request), now);
    case Kind::kLostRequest:
      break;
    case Kind::kLostAnswer: {
      auto whole = server.handle(request);
      if constexpr (requires { exchange.received(); }) {
        if (whole.is_success()) {
          const auto begins = Happening{0ms, HeadSeen{response(whole.status, {}, whole.headers)}};
          const auto part = Happening{0ms, PartSeen{whole.body.substr(0, trouble.bytes)}};
          for (const auto& happening : {begins, part}) {
            if (auto ended = play(exchange, happening, now)) {
              return *ended;
            }
          }
        }
      }
      break;
    }
    case Kind::kSilence:
      (void)server.handle(request);
      return exchange.resume(Answered{fail(Errc::kDeadlineExceeded, "silence")}, now);
    case Kind::kAnswer:
      return answer(exchange, answer_of(trouble.fault), now);
    case Kind::kForgets:
      server.forget();
      break;
    case Kind::kChanges:
      server.change();
      break;
  }
  return exchange.resume(Answered{cut}, now);
}

struct Outcome {
  std::optional<Error> error;  // nullopt: done
  int requests = 0;
  Instant end{};
  std::vector<Instant> warned;
};

/// Runs it with one trouble a request; `rest` is that of all requests after those.
template <typename Exchange>
Outcome run(Exchange& exchange,
            Server& server,
            std::deque<Trouble> troubles,
            const Trouble& rest = {}) {
  constexpr int kMostRequests = 100'000;
  Outcome outcome;
  Instant now{};
  auto action = exchange.resume(Proceed{}, now);
  while (outcome.requests < kMostRequests) {
    if (std::holds_alternative<Done>(action)) {
      outcome.end = now;
      return outcome;
    }
    if (const auto* const failed = std::get_if<Failed>(&action)) {
      outcome.error = failed->error;
      outcome.end = now;
      return outcome;
    }
    if (const auto* const pause = std::get_if<Pause>(&action)) {
      now += pause->time;
    } else if (std::holds_alternative<Warn>(action)) {
      outcome.warned.push_back(now);
    } else {
      Trouble trouble = rest;
      if (!troubles.empty()) {
        trouble = troubles.front();
        troubles.pop_front();
      }
      ++outcome.requests;
      action = deliver(exchange, server, std::get<Send>(action), trouble, now);
      continue;
    }
    action = exchange.resume(Proceed{}, now);
  }
  FAIL("it does not end");
  return outcome;
}

}  // namespace genesis::worker
