// Each kind of exchange against a server in memory, with one fault at each of its requests: what
// can be tried again ends as if nothing had happened, what cannot ends at once and says why.
#include "tests/unit/worker/exchange_world.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

using Kind = Trouble::Kind;

const std::string kUpdatePath = "/v1/rounds/3/updates/site-1";

// 100 KiB in chunks of 16 KiB: seven PUTs.
const std::string& update() {
  static const std::string bytes = [] {
    std::string text;
    while (text.size() < 100 * 1024) {
      text += std::to_string(text.size()) + ",";
    }
    return text.substr(0, 100 * 1024);
  }();
  return bytes;
}

struct Ran {
  Outcome outcome;
  std::string bytes;  // that were to be delivered
};

Ran run_ask(const std::deque<Trouble>& troubles, const Trouble& rest) {
  Server server;
  Bench<AskExchange> bench;
  asking({.method = "GET", .path = "/v1/training"})(bench);
  const auto outcome = run(*bench.exchange, server, troubles, rest);
  return {outcome, bench.exchange->body()};
}
Ran run_download(const std::deque<Trouble>& troubles, const Trouble& rest) {
  Server server;
  Bench<DownloadExchange> bench;
  downloading({.path = "/v1/encoder"})(bench);
  const auto outcome = run(*bench.exchange, server, troubles, rest);
  return {outcome, bench.exchange->received().bytes};
}
Ran run_upload(const std::deque<Trouble>& troubles, const Trouble& rest) {
  Server server;
  Bench<UploadExchange> bench;
  uploading({.path = kUpdatePath, .bytes = update()}, {}, ChunkLength(kMinChunkBytes))(bench);
  const auto outcome = run(*bench.exchange, server, troubles, rest);
  return {outcome, server.uploaded};
}

using Run = Ran (*)(const std::deque<Trouble>&, const Trouble&);
constexpr Run kRuns[] = {run_ask, run_download, run_upload};

std::deque<Trouble> one_at(int request, const Trouble& trouble) {
  std::deque<Trouble> troubles(static_cast<std::size_t>(request));
  troubles.push_back(trouble);
  return troubles;
}

}  // namespace

TEST_CASE("worker: a cut, silence or 503 at any request of an exchange changes no byte",
          "[worker]") {
  const Trouble passing[] = {{.kind = Kind::kLostRequest},
                             {.kind = Kind::kLostAnswer, .bytes = 0},
                             {.kind = Kind::kLostAnswer, .bytes = 5},
                             {.kind = Kind::kLostAnswer, .bytes = 1000},
                             {.kind = Kind::kSilence},
                             {.kind = Kind::kForgets},
                             {.kind = Kind::kAnswer, .fault = Fault::kUnavailable},
                             {.kind = Kind::kAnswer, .fault = Fault::kTimeout}};
  for (const auto run : kRuns) {
    const auto undisturbed = run({}, {});
    REQUIRE_FALSE(undisturbed.outcome.error);
    REQUIRE_FALSE(undisturbed.bytes.empty());
    for (int at = 0; at < undisturbed.outcome.requests; ++at) {
      for (const auto& trouble : passing) {
        CAPTURE(at, static_cast<int>(trouble.kind), trouble.bytes);
        const auto disturbed = run(one_at(at, trouble), {});
        REQUIRE_FALSE(disturbed.outcome.error);
        CHECK(disturbed.bytes == undisturbed.bytes);
        // The request again, for a chunk the question how much is there, what was forgotten, and
        // one more because chunks grow later.
        const int most = trouble.kind == Kind::kForgets ? at + 3 : 3;
        CHECK(disturbed.outcome.requests <= undisturbed.outcome.requests + most);
      }
    }
  }
}

TEST_CASE("worker: a permanent error at any request of an exchange ends it there", "[worker]") {
  const std::pair<Fault, Errc> permanent[] = {{Fault::kInternal, Errc::kInternal},
                                              {Fault::kUnauthorized, Errc::kUnauthenticated},
                                              {Fault::kConflict, Errc::kConflict},
                                              {Fault::kPrecondition, Errc::kFailedPrecondition},
                                              {Fault::kTooLarge, Errc::kResourceExhausted},
                                              {Fault::kNotHttp, Errc::kInvalidArgument}};
  for (const auto run : kRuns) {
    const int requests = run({}, {}).outcome.requests;
    for (int at = 0; at < requests; ++at) {
      for (const auto& [fault, code] : permanent) {
        CAPTURE(at, static_cast<int>(fault));
        const auto ended = run(one_at(at, {.kind = Kind::kAnswer, .fault = fault}), {});
        REQUIRE(ended.outcome.error);
        CHECK(to_string(ended.outcome.error->code) == to_string(code));
        CHECK(ended.outcome.requests == at + 1);
      }
    }
  }
}

TEST_CASE("worker: a server that is gone from any request on is given up in time", "[worker]") {
  const ExchangePolicy policy;
  for (const auto run : kRuns) {
    const int requests = run({}, {}).outcome.requests;
    for (int at = 0; at < requests; ++at) {
      for (const auto kind : {Kind::kLostRequest, Kind::kSilence}) {
        CAPTURE(at, static_cast<int>(kind));
        std::deque<Trouble> sound(static_cast<std::size_t>(at));
        const auto lost = run(sound, {.kind = kind}).outcome;
        REQUIRE(lost.error);
        CHECK(is_retryable(lost.error->code));
        const auto since = lost.end - (Instant{} + at * Trouble{}.takes);
        CHECK(since >= policy.patience);
        CHECK(since <= policy.patience + 2 * (policy.transfer + policy.backoff.ceiling));
        // It was said: at the fifth failure or after one deadline; then every 30 s.
        REQUIRE(lost.warned.size() >= 2);
        CHECK(lost.warned.front() <= Instant{} + 2 * policy.transfer + policy.backoff.ceiling);
        for (std::size_t i = 1; i < lost.warned.size(); ++i) {
          CHECK(lost.warned[i] - lost.warned[i - 1] >= Retry::kWarnEvery);
          CHECK(lost.warned[i] - lost.warned[i - 1] <=
                Retry::kWarnEvery + policy.transfer + policy.backoff.ceiling);
        }
      }
    }
  }
}

TEST_CASE("worker: a document that changes under a download arrives as the new one", "[worker]") {
  for (std::size_t bytes = 0; bytes < 20; ++bytes) {
    Server server;
    Bench<DownloadExchange> bench;
    downloading({.path = "/v1/encoder"})(bench);
    const auto outcome =
        run(*bench.exchange,
            server,
            {{.kind = Kind::kLostAnswer, .bytes = bytes}, {.kind = Kind::kChanges}});
    CHECK_FALSE(outcome.error);
    CHECK(bench.exchange->received().bytes == server.next_document);
  }
}
