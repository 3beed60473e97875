// Downloads that are cut and go on (RFC 9110, 13.1.5 and 14).
#include "tests/unit/worker/exchange_script.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

const std::string kPath = "/v1/rounds/3/parameters";
const std::string kGet = "GET " + kPath;

std::string rest(std::size_t from, const std::string& etag = "\"v1\"") {
  return kGet + ", Range: bytes=" + std::to_string(from) + "-, If-Range: " + etag;
}
http::Header etag(const std::string& value) {
  return {"ETag", "\"" + value + "\""};
}
http::Header range(const std::string& value) {
  return {"Content-Range", "bytes " + value};
}

Script<DownloadExchange> download(ExchangePolicy policy = {}) {
  return Script(downloading({.path = kPath}, policy));
}

}  // namespace

TEST_CASE("worker: a download takes its body part by part", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .sees(200, {etag("v1"), {"Content-Encoding", "zstd"}})
      .takes("para")
      .takes("meters")
      .answered(200)
      .is_done();
  CHECK(script.exchange().received().bytes == "parameters");
  CHECK(script.exchange().received().encoding == "zstd");
  CHECK(script.exchange().received().travelled == 10);
}

TEST_CASE("worker: a download that is cut continues at the byte where it was", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .sees(200, {etag("v1"), {"Content-Encoding", "gzip"}})
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(4))
      .sees(206, {range("4-9/10")})
      .takes("met")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(7))
      .sees(206, {range("7-9/10")})
      .takes("ers")
      .answered(206)
      .is_done();
  CHECK(script.exchange().received().bytes == "parameters");
  CHECK(script.exchange().received().encoding == "gzip");
  CHECK(script.exchange().received().travelled == 10);
}

TEST_CASE("worker: a download that is cut before its first byte continues there", "[worker]") {
  auto script = download();
  script.sees(200, {etag("v1"), {"Content-Encoding", "gzip"}})
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(0))
      .sees(206, {range("0-9/10")})
      .takes("parameters")
      .answered(206)
      .is_done();
  CHECK(script.exchange().received().bytes == "parameters");
  CHECK(script.exchange().received().encoding == "gzip");
}

TEST_CASE("worker: where only the end of the answer was cut, the body is whole", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .sees(200, {etag("v1")})
      .takes("parameters")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(10))
      .answered(416)
      .is_done();
  CHECK(script.exchange().received().bytes == "parameters");
}

TEST_CASE("worker: a range that nobody asked for can't be unsatisfiable", "[worker]") {
  download().sends(kGet).answered(416).has_failed(Errc::kInvalidArgument,
                                                  "the server answered with status 416");
}

TEST_CASE("worker: bytes without an ETag are asked for anew", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .sees(200)
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kGet)
      .sees(200)
      .takes("parameters")
      .answered(200)
      .is_done();
  CHECK(script.exchange().received().bytes == "parameters");
  CHECK(script.exchange().received().travelled == 14);
}

TEST_CASE("worker: bytes of another ETag replace what was there", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .sees(200, {etag("v1"), {"Content-Encoding", "gzip"}})
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(4))
      .sees(200, {etag("v2")})
      .takes("another")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(7, "\"v2\""))
      .sees(206, {range("7-11/12")})
      .takes(" body")
      .answered(206)
      .is_done();
  CHECK(script.exchange().received().bytes == "another body");
  CHECK(script.exchange().received().encoding.empty());
  CHECK(script.exchange().received().travelled == 16);
}

TEST_CASE("worker: a part that was not asked for is refused", "[worker]") {
  const std::string refusal = "the server sent another part than was asked for";
  download()
      .sends(kGet)
      .sees(200, {etag("v1")})
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(4))
      .sees(206, {range("3-9/10")})
      .has_failed(Errc::kInvalidArgument, refusal);
  download().sends(kGet).sees(206, {range("0-3/10")}).has_failed(Errc::kInvalidArgument, refusal);
  for (const auto& header : {range("40-9/10"), range(""), http::Header{"X-Range", "bytes 4-9"}}) {
    download()
        .sees(200, {etag("v1")})
        .takes("para")
        .is_cut()
        .pauses(200ms, 1, "cut")
        .sees(206, {header})
        .has_failed(Errc::kInvalidArgument, refusal);
  }
}

TEST_CASE("worker: a body above its bound ends the download, in one answer or in two", "[worker]") {
  const auto bounded = [] { return Script(downloading({.path = kPath, .max_bytes = 10})); };
  const std::string refusal = "the server sends more than 10 bytes";
  bounded().sees(200, {etag("v1")}).takes("parameters").answered(200).is_done();
  auto script = bounded();
  script.sees(200, {etag("v1")})
      .takes("para")
      .takes("meters.")
      .has_failed(Errc::kResourceExhausted, refusal);
  CHECK(script.exchange().received().bytes == "para");  // what is too much is never held
  bounded()
      .sees(200, {etag("v1")})
      .takes("parameters")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sees(206, {range("10-10/11")})
      .takes(".")
      .has_failed(Errc::kResourceExhausted, refusal);
}

TEST_CASE("worker: the encoding is asked for on each try", "[worker]") {
  Script(downloading({.path = kPath, .encoding = "zstd"}))
      .sends(kGet + ", Accept-Encoding: zstd")
      .sees(200, {etag("v1")})
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kGet + ", Accept-Encoding: zstd, Range: bytes=4-, If-Range: \"v1\"");
}

TEST_CASE("worker: patience counts from the last byte that got through", "[worker]") {
  ExchangePolicy policy;
  policy.patience = 10s;
  policy.retry_attempts = 1;
  policy.backoff = {.first = 1s, .ceiling = 1s};
  auto script = download(policy);
  script.sends(kGet).sees(200, {etag("v1")}).takes("p").after(9s).is_cut();
  for (std::size_t have = 1; have < 8; ++have) {  // 70 s, seven times its patience
    script.pauses(1s, 1, "cut")
        .sends(rest(have))
        .sees(206, {range(std::to_string(have) + "-9/10")})
        .takes("x")
        .after(9s)
        .is_cut();
  }
  script.pauses(1s, 1, "cut")
      .sends(rest(8))
      .after(8s)
      .is_cut()
      .warns(9s, 1s, 0, "cut")
      .pauses(1s, 2, "cut")
      .sends(rest(8))
      .is_cut()
      .has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: bytes that only replace others renew no patience", "[worker]") {
  ExchangePolicy policy;
  policy.patience = 10s;
  policy.retry_attempts = 2;
  policy.backoff = {.first = 1s, .ceiling = 1s};
  auto script = download(policy);
  script.sends(kGet).sees(200).takes("para").after(4s).is_cut();  // no ETag
  script.pauses(1s, 1, "cut").sends(kGet).sees(200).takes("para").after(3s).is_cut();
  script.warns(4s, 6s, 1, "cut");
  script.pauses(1s, 2, "cut").sends(kGet).sees(200).takes("par").after(5s).is_cut();
  script.has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: a download that goes on has no trouble to tell of", "[worker]") {
  ExchangePolicy policy;
  policy.backoff = {.first = 4s, .ceiling = 4s};
  auto script = download(policy);
  script.sees(200, {etag("v1")}).takes("p").is_cut();
  for (std::size_t have = 1; have < 9; ++have) {
    script.pauses(4s, 1, "cut").sees(206, {range(std::to_string(have) + "-9/10")}).takes("x");
    script.is_cut();
  }
  script.pauses(4s, 1, "cut").sends(rest(9));
}

TEST_CASE("worker: a download that stalls after some bytes is no silent server yet", "[worker]") {
  const std::string late = "took longer than 30 s";
  auto script = download();
  script.sees(200, {etag("v1")}).takes("para").after(30s).breaks(Errc::kDeadlineExceeded, late);
  script.pauses(200ms, 1, late).sends(rest(4)).after(30s).breaks(Errc::kDeadlineExceeded, late);
  script.warns(30s + 200ms, 120s - 30s - 200ms, 2, late).pauses(400ms, 2, late).sends(rest(4));
}

TEST_CASE("worker: a round that is closed meanwhile ends its download", "[worker]") {
  download()
      .sees(200, {etag("v1")})
      .takes("para")
      .is_cut()
      .pauses(200ms, 1, "cut")
      .answered(409, R"({"code": "Conflict", "message": "round 3 is not open"})")
      .has_failed(Errc::kConflict, "round 3 is not open");
}

TEST_CASE("worker: a download survives each fault at each step", "[worker]") {
  auto script = download();
  script.sends(kGet)
      .answered(503)
      .pauses(200ms, 1, "the server answered with status 503")
      .sends(kGet)
      .sees(200, {etag("v1")})
      .takes("para")
      .after(1s)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(rest(4))
      .sees(206, {range("4-9/10")})
      .takes("met")
      .takes("ers")
      .answered(206)
      .is_done();
  replay_with_faults(script, [](Fault fault, const Send& request) -> Reaction {
    const bool is_rest = told(request).find("Range") != std::string::npos;
    return fault == Fault::kRange && is_rest ? Reaction(Ends{}) : usual_reaction(fault);
  });
}
