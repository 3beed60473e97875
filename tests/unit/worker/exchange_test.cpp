#include "worker/exchange.hpp"

#include "tests/unit/worker/exchange_script.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

const std::string kGet = "GET /v1/training";

Send get(const std::string& path = "/v1/training") {
  return Send{.method = "GET", .path = path};
}

ExchangePolicy patience(Milliseconds time, unsigned attempts = 3) {
  ExchangePolicy policy;
  policy.patience = time;
  policy.retry_attempts = attempts;
  return policy;
}

// Fails once a second, after pauses of a second.
ExchangePolicy steady(Milliseconds time, unsigned attempts = 3) {
  auto policy = patience(time, attempts);
  policy.backoff = {.first = 1s, .ceiling = 1s};
  return policy;
}

}  // namespace

TEST_CASE("worker: a successful answer ends an ask with its body", "[worker]") {
  for (const int status : {200, 202, 204}) {
    Script script(asking(get()));
    script.sends(kGet).answered(status, "spec").is_done();
    CHECK(script.exchange().body() == "spec");
  }
}

TEST_CASE("worker: an ask sends method, path and body as they were given", "[worker]") {
  const std::string body = "{\"client\":\"site-1\"}";
  Script script(asking(Send{.method = "POST", .path = "/v1/join", .body = body}));
  for (unsigned retry = 1; retry < 3; ++retry) {
    script.sends("POST /v1/join");
    CHECK(script.request().body == body);
    CHECK(script.request().headers.empty());
    script.is_cut().pauses(200ms * retry, retry, "cut");
  }
  script.sends("POST /v1/join").answered(200, "welcome").is_done();
}

TEST_CASE("worker: a server that is not there yet is asked again, after longer and longer pauses",
          "[worker]") {
  const std::string refused = "connection refused";
  Script script(asking(get()));
  unsigned retry = 0;
  for (const auto ceiling : {200ms, 400ms, 800ms, 1600ms}) {
    script.sends(kGet).breaks(Errc::kUnavailable, refused).pauses(ceiling, ++retry, refused);
  }
  script.sends(kGet)
      .breaks(Errc::kUnavailable, refused)
      .warns(3s, 117s, 0, refused)
      .pauses(3200ms, 5, refused)
      .sends(kGet)
      .breaks(Errc::kUnavailable, refused)
      .pauses(6400ms, 6, refused)
      .sends(kGet)
      .breaks(Errc::kUnavailable, refused)
      .pauses(10s, 7, refused)  // the longest
      .sends(kGet)
      .breaks(Errc::kUnavailable, refused)
      .pauses(10s, 8, refused)
      .sends(kGet)
      .answered(200, "spec")
      .is_done();
  CHECK(script.exchange().body() == "spec");
}

TEST_CASE("worker: a server that says 503, 429, 502, 504 or 408 is asked again", "[worker]") {
  for (const int status : {503, 429, 502, 504, 408}) {
    CAPTURE(status);
    const auto reason = "the server answered with status " + std::to_string(status) + ": busy";
    Script script(asking(get()));
    script.sends(kGet).answered(status, "busy").pauses(200ms, 1, reason).sends(kGet);
  }
}

TEST_CASE("worker: an error that would be the same again ends an ask at once", "[worker]") {
  const std::pair<int, Errc> refusals[] = {
      {400, Errc::kInvalidArgument},
      {401, Errc::kUnauthenticated},
      {403, Errc::kPermissionDenied},
      {404, Errc::kNotFound},
      {409, Errc::kConflict},
      {412, Errc::kFailedPrecondition},
      {413, Errc::kResourceExhausted},
      {422, Errc::kDataLoss},
      {500, Errc::kInternal},
  };
  for (const auto& [status, code] : refusals) {
    CAPTURE(status);
    const auto message = "the server answered with status " + std::to_string(status);
    Script script(asking(get()));
    script.sends(kGet).answered(status).has_failed(code, message);
  }
  Script script(asking(get()));
  script.sends(kGet)
      .answered(409, R"({"code": "Conflict", "message": "round 3 is not open"})")
      .has_failed(Errc::kConflict, "round 3 is not open");
}

TEST_CASE("worker: a client waits for its name, unless any name will do", "[worker]") {
  const std::string taken = R"({"code": "AlreadyExists", "message": "another process"})";
  Script waits(asking(get()));
  waits.sends(kGet).answered(409, taken).pauses(200ms, 1, "another process").sends(kGet);
  ExchangePolicy policy;
  policy.is_name_awaited = false;
  Script takes_another(asking(get(), policy));
  takes_another.sends(kGet)
      .answered(409, taken)
      .has_failed(Errc::kAlreadyExists, "another process");
}

TEST_CASE("worker: retries are made even where patience has run out", "[worker]") {
  Script script(asking(get(), patience(1s, 2)));
  script.sends(kGet)
      .after(30s)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kGet)
      .is_cut()
      .pauses(400ms, 2, "cut")
      .sends(kGet)
      .is_cut()
      .has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: with patience left it is tried again, however often that was", "[worker]") {
  auto policy = patience(1s, 0);
  policy.backoff.ceiling = 100ms;
  Script script(asking(get(), policy));
  for (unsigned retry = 1; retry <= 10; ++retry) {
    script.sends(kGet).is_cut().pauses(100ms, retry, "cut");
  }
  script.sends(kGet).is_cut().has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: without retries and patience the first failure is the last", "[worker]") {
  Script script(asking(get(), patience(0s, 0)));
  script.sends(kGet).is_cut().has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: a worker that is shutting down does not try again", "[worker]") {
  Script(asking(get())).sends(kGet).is_cut().stops().has_failed(Errc::kUnavailable, "cut");
  Script(asking(get())).stops().has_failed(Errc::kFailedPrecondition, "stopped before it was sent");
}

TEST_CASE("worker: a long poll has its own deadline", "[worker]") {
  ExchangePolicy policy;
  policy.poll = 25s;
  policy.transfer = 60s;
  CHECK(Script(asking(get("/v1/task?client=site-1"), policy)).request().deadline == 25s);
  CHECK(Script(asking(get("/v1/training"), policy)).request().deadline == 60s);
  CHECK(Script(downloading({.path = "/v1/encoder"}, policy)).request().deadline == 60s);
  Script upload(uploading({.path = "/v1/rounds/1/updates/a", .bytes = "update"}, policy));
  CHECK(upload.request().deadline == 60s);
  upload.answered(200, wire::encode(wire::UploadProgress{}))
      .sends("PUT /v1/rounds/1/updates/a, Content-Range: bytes 0-5/6");
  CHECK(upload.request().deadline == 60s);
}

TEST_CASE("worker: the spec's deadlines and retries are an exchange's", "[worker]") {
  spec::Rounds rounds;
  rounds.deadline_seconds = 20;
  const auto waits = federation::deadlines(rounds);
  spec::Communication communication;
  communication.retry_attempts = 7;
  auto policy = exchange_policy(communication, waits);
  CHECK(policy.retry_attempts == 7);
  CHECK(policy.patience == 20s);
  CHECK(policy.poll == 15s);
  CHECK(policy.transfer == 20s);
  CHECK(policy.backoff.first == 200ms);
  CHECK(policy.backoff.ceiling == 5s);
  communication.timeout_seconds = 90;
  CHECK(exchange_policy(communication, waits).transfer == 90s);
}

TEST_CASE("worker: until the spec is known a site's own timeout and retries hold", "[worker]") {
  using Choices = std::vector<spec::Override>;
  const ExchangePolicy defaults;
  CHECK(exchange_policy(Choices{}).patience == defaults.patience);
  const auto few = exchange_policy(Choices{{"communication.retryAttempts", "2"}});
  CHECK(few.retry_attempts == 2);
  CHECK(few.patience == 0s);
  CHECK(few.transfer == defaults.transfer);
  const auto slow = exchange_policy(Choices{{"communication.timeoutSeconds", "300"}});
  CHECK(slow.retry_attempts == defaults.retry_attempts);
  CHECK(slow.patience == 300s);
  CHECK(slow.transfer == 300s);
  const auto both = exchange_policy(
      Choices{{"communication.retryAttempts", "0"}, {"communication.timeoutSeconds", "5"}});
  CHECK(both.retry_attempts == 0);
  CHECK(both.patience == 5s);
  CHECK(exchange_policy(Choices{{"communication.retryAttempts", "few"}}).patience ==
        defaults.patience);
}

TEST_CASE("worker: pauses differ from site to site and not from run to run", "[worker]") {
  const auto pauses = [](const char* site) {
    const ExchangePolicy policy;
    Rng jitter(0, RoundId{0}, site, "retry jitter");
    AskExchange exchange(policy, jitter, get(), Instant{});
    std::vector<Milliseconds> times;
    for (int i = 0; i < 5; ++i) {
      (void)exchange.resume(Proceed{}, Instant{});
      const auto action = exchange.resume(Answered{response(503)}, Instant{});
      times.push_back(std::get<Pause>(action).time);
    }
    return times;
  };
  CHECK(pauses("site-1") == pauses("site-1"));
  CHECK(pauses("site-1") != pauses("site-2"));
}

TEST_CASE("worker: it warns as soon as retrying has lasted, and again every 30 s", "[worker]") {
  Script script(asking(get(), steady(100s)));
  unsigned retry = 0;
  const auto fails_silently = [&](int times) {
    for (int i = 0; i < times; ++i) {
      script.sends(kGet).is_cut().pauses(1s, ++retry, "cut");
    }
  };
  fails_silently(2);  // at 0 and 1 s
  script.sends(kGet).is_cut().warns(2s, 98s, 1, "cut").pauses(1s, ++retry, "cut");
  fails_silently(29);
  script.sends(kGet).is_cut().warns(32s, 68s, 0, "cut").pauses(1s, ++retry, "cut");
  fails_silently(29);
  script.sends(kGet).is_cut().warns(62s, 38s, 0, "cut").pauses(1s, ++retry, "cut");
  fails_silently(29);
  script.sends(kGet).is_cut().warns(92s, 8s, 0, "cut").pauses(1s, ++retry, "cut");
  fails_silently(7);
  script.sends(kGet).is_cut().has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: a warning says which retries are left once patience is over", "[worker]") {
  Script script(asking(get(), steady(3s, 5)));
  script.sends(kGet)
      .after(8s)  // the link broke after so long
      .is_cut()
      .pauses(1s, 1, "cut")
      .sends(kGet)
      .after(5s)
      .is_cut()
      .warns(6s, 0s, 4, "cut")
      .pauses(1s, 2, "cut")
      .sends(kGet)
      .answered(200)
      .is_done();
}

TEST_CASE("worker: time without an answer counts as retrying, a broken long poll does not",
          "[worker]") {
  const std::string late = "took longer than 30 s";
  Script(asking(get()))
      .sends(kGet)
      .after(30s)
      .breaks(Errc::kDeadlineExceeded, late)
      .warns(30s, 90s, 3, late)
      .pauses(200ms, 1, late)
      .sends(kGet);
  Script(asking(get("/v1/task")))
      .sends("GET /v1/task")
      .after(19s)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends("GET /v1/task");
}

TEST_CASE("worker: a worker that is shutting down may do so after a warning", "[worker]") {
  const std::string late = "took longer than 30 s";
  Script(asking(get()))
      .sends(kGet)
      .after(30s)
      .breaks(Errc::kDeadlineExceeded, late)
      .warns(30s, 90s, 3, late)
      .stops()
      .has_failed(Errc::kDeadlineExceeded, late);
}

TEST_CASE("worker: an ask survives each fault at each step", "[worker]") {
  Script script(asking(get()));
  script.sends(kGet)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kGet)
      .answered(503)
      .pauses(400ms, 2, "the server answered with status 503")
      .sends(kGet)
      .after(10s)
      .answered(200, "spec")
      .is_done();
  replay_with_faults(script, [](Fault fault, const Send&) { return usual_reaction(fault); });
}
