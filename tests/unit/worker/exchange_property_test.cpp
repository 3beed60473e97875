// For any sequence of troubles: the bytes that are delivered are the bytes that were sent, and
// every run ends within its patience.
#include <rapidcheck.h>

#include "tests/unit/worker/exchange_world.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

using Kind = Trouble::Kind;

const std::string kUpdatePath = "/v1/rounds/3/updates/site-1";

// Short, so that runs give up as well as end.
ExchangePolicy any_policy() {
  ExchangePolicy policy;
  policy.retry_attempts = *rc::gen::inRange<unsigned>(0, 5);
  policy.patience = Milliseconds(*rc::gen::inRange(0, 30'000));
  policy.transfer = Milliseconds(*rc::gen::inRange(100, 10'000));
  policy.poll = policy.transfer;
  policy.backoff.ceiling = Milliseconds(*rc::gen::inRange(1, 5'000));
  return policy;
}

std::string any_bytes(std::size_t most) {
  const auto size = *rc::gen::inRange<std::size_t>(0, most);
  Rng rng(*rc::gen::arbitrary<std::uint64_t>(), RoundId{0}, "", "bytes");
  std::string bytes(size, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(rng.below(256)); });
  return bytes;
}

// Each can be tried again.
std::deque<Trouble> any_troubles(std::vector<Kind> kinds, std::size_t most_bytes) {
  std::deque<Trouble> troubles;
  const auto count = *rc::gen::inRange(0, 40);
  for (int i = 0; i < count; ++i) {
    Trouble trouble;
    trouble.kind = *rc::gen::elementOf(kinds);
    trouble.bytes = *rc::gen::inRange<std::size_t>(0, most_bytes);
    trouble.takes = Milliseconds(*rc::gen::inRange(0, 100));
    trouble.fault = *rc::gen::element(Fault::kCut, Fault::kTimeout, Fault::kUnavailable);
    troubles.push_back(trouble);
  }
  return troubles;
}

const std::vector<Kind> kCuts = {
    Kind::kNone, Kind::kLostRequest, Kind::kLostAnswer, Kind::kSilence, Kind::kAnswer};

std::vector<Kind> cuts_and(Kind kind) {
  auto kinds = kCuts;
  kinds.push_back(kind);
  return kinds;
}

// Sound, or gone for good; so about half of the runs end well.
Trouble any_rest() {
  return {.kind = *rc::gen::weightedElement<Kind>(
              {{6, Kind::kNone}, {1, Kind::kLostRequest}, {1, Kind::kSilence}})};
}

// A run that failed had used up what it may.
void check_end(const Outcome& outcome, const ExchangePolicy& policy) {
  if (outcome.error) {
    RC_ASSERT(is_retryable(outcome.error->code));
    RC_ASSERT(outcome.end - Instant{} >= policy.patience);
    RC_ASSERT(outcome.requests > static_cast<int>(policy.retry_attempts));
  }
}

}  // namespace

TEST_CASE("worker: whatever is cut, a download is the document", "[worker][property]") {
  REQUIRE(rc::check("download", [] {
    Server server;
    server.document = any_bytes(2'000);
    server.next_document = any_bytes(2'000);
    server.has_etags = *rc::gen::arbitrary<bool>();
    Bench<DownloadExchange> bench;
    downloading({.path = "/v1/encoder"}, any_policy())(bench);
    const auto troubles = any_troubles(cuts_and(Kind::kChanges), 2'000);
    const auto outcome = run(*bench.exchange, server, troubles, any_rest());
    check_end(outcome, bench.policy);
    if (!outcome.error) {
      RC_ASSERT(bench.exchange->received().bytes == server.document);
    }
  }));
}

TEST_CASE("worker: a download with an ETag moves no byte twice", "[worker][property]") {
  REQUIRE(rc::check("travelled", [] {
    Server server;
    server.document = any_bytes(2'000);
    ExchangePolicy policy = any_policy();
    policy.retry_attempts = 100;
    Bench<DownloadExchange> bench;
    downloading({.path = "/v1/encoder"}, policy)(bench);
    const auto troubles = any_troubles(kCuts, 2'000);
    const auto outcome = run(*bench.exchange, server, troubles);
    RC_ASSERT_FALSE(outcome.error);
    RC_ASSERT(bench.exchange->received().bytes == server.document);
    RC_ASSERT(bench.exchange->received().travelled == server.document.size());
  }));
}

TEST_CASE("worker: whatever is cut or forgotten, the server gets the update",
          "[worker][property]") {
  REQUIRE(rc::check("upload", [] {
    Server server;
    const auto update = any_bytes(200'000);
    Bench<UploadExchange> bench;
    const auto length = std::uint64_t{1} << *rc::gen::inRange(10, 19);
    uploading({.path = kUpdatePath, .bytes = update}, any_policy(), ChunkLength(length))(bench);
    const auto troubles = any_troubles(cuts_and(Kind::kForgets), 100);
    const auto outcome = run(*bench.exchange, server, troubles, any_rest());
    check_end(outcome, bench.policy);
    if (!outcome.error) {
      RC_ASSERT(server.uploaded == update);
    }
    RC_ASSERT(bench.length.bytes() <= wire::kMaxChunkBytes);
  }));
}

TEST_CASE("worker: a link that heals in time costs no exchange", "[worker][property]") {
  REQUIRE(rc::check("heals", [] {
    Server server;
    const auto update = any_bytes(200'000);
    auto policy = any_policy();
    policy.retry_attempts = 40;  // as many as there are troubles
    Bench<UploadExchange> bench;
    uploading({.path = kUpdatePath, .bytes = update}, policy)(bench);
    const auto outcome = run(*bench.exchange, server, any_troubles(cuts_and(Kind::kForgets), 100));
    RC_ASSERT_FALSE(outcome.error);
    RC_ASSERT(server.uploaded == update);
  }));
}

TEST_CASE("worker: a server that is gone is given up within the patience", "[worker][property]") {
  REQUIRE(rc::check("gone", [] {
    Server server;
    const auto update = any_bytes(200'000);
    const auto policy = any_policy();
    const auto before = any_troubles({Kind::kNone}, 1);
    const Trouble gone{.kind = *rc::gen::element(Kind::kLostRequest, Kind::kSilence, Kind::kAnswer),
                       .fault = Fault::kUnavailable};
    Bench<UploadExchange> upload;
    uploading({.path = kUpdatePath, .bytes = update}, policy)(upload);
    const auto sent = run(*upload.exchange, server, before, gone);
    Bench<DownloadExchange> download;
    downloading({.path = "/v1/encoder"}, policy)(download);
    const auto received = run(*download.exchange, server, {}, gone);
    const Milliseconds sound = std::chrono::seconds(4);  // 40 requests of 100 ms at most
    RC_ASSERT(received.end - Instant{} <= longest_retrying(policy));
    RC_ASSERT(received.error.has_value());
    // One chunk fails, then asking how much is there.
    RC_ASSERT(sent.end - Instant{} <= sound + 2 * longest_retrying(policy));
    if (before.empty()) {
      RC_ASSERT(sent.error.has_value());
    }
  }));
}
