// Uploads in chunks that resume (docs/protocol.md, "Transfers").
#include "common/crypto/digest.hpp"
#include "tests/unit/worker/exchange_script.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

constexpr std::uint64_t kKiB = 1024;

const std::string kPath = "/v1/rounds/3/updates/site-1";
const std::string kAsk = "GET " + kPath;

std::string random_bytes(std::uint64_t size) {
  Rng rng(3, RoundId{0}, "", "bytes to upload");
  std::string bytes;
  while (bytes.size() < size) {
    bytes += static_cast<char>(rng.below(256));
  }
  return bytes;
}

// 700 KiB: three chunks of the longest.
const std::string& update() {
  static const std::string bytes = random_bytes(700 * kKiB);
  return bytes;
}

std::string chunk(std::uint64_t begin, std::uint64_t end, std::uint64_t size = 700) {
  return "PUT " + kPath + ", Content-Range: bytes " + std::to_string(begin * kKiB) + "-" +
         std::to_string(end * kKiB - 1) + "/" + std::to_string(size * kKiB);
}

// What a server says that has so much of it.
std::string has(std::uint64_t offset, const std::string& bytes = update()) {
  return wire::encode(wire::UploadProgress{crypto::sha256_hex(bytes), bytes.size(), offset * kKiB});
}
const std::string& has_nothing() {
  static const std::string answer = wire::encode(wire::UploadProgress{});
  return answer;
}

Script<UploadExchange> upload(ExchangePolicy policy = {}, ChunkLength length = ChunkLength{}) {
  return Script(uploading({.path = kPath, .bytes = update()}, policy, length));
}

// With the longest chunk at `kib`.
ChunkLength chunks_of(std::uint64_t kib) {
  return ChunkLength(kib * kKiB);
}

}  // namespace

TEST_CASE("worker: an upload asks what is there and sends the rest in chunks", "[worker]") {
  upload()
      .sends(kAsk)
      .answered(200, has_nothing())
      .sends(chunk(0, 256))
      .answered(202, has(256))
      .sends(chunk(256, 512))
      .answered(202, has(512))
      .sends(chunk(512, 700))
      .answered(200)
      .is_done();
}

TEST_CASE("worker: a chunk carries its bytes, both digests and the encoding", "[worker]") {
  Script script(uploading({.path = kPath, .bytes = update(), .encoding = "zstd"}));
  script.answered(200, has(256));
  const auto& request = script.request();
  CHECK(request.body == std::string_view(update()).substr(256 * kKiB, 256 * kKiB));
  CHECK(http::find_header(request.headers, "Content-Encoding") == "zstd");
  const auto parsed = wire::parse_chunk(
      {.content_range = std::string(http::find_header(request.headers, "Content-Range")),
       .content_digest = std::string(http::find_header(request.headers, "Content-Digest")),
       .repr_digest = std::string(http::find_header(request.headers, "Repr-Digest"))});
  REQUIRE(parsed);
  CHECK(parsed->sha256 == crypto::sha256_hex(request.body));
  CHECK(parsed->upload_sha256 == crypto::sha256_hex(update()));
  CHECK(request.headers.size() == 4);
}

TEST_CASE("worker: a server that has some of it is sent the rest", "[worker]") {
  upload().sends(kAsk).answered(200, has(600)).sends(chunk(600, 700)).answered(200).is_done();
}

TEST_CASE("worker: a server that has all of it is sent nothing", "[worker]") {
  upload().sends(kAsk).answered(200, has(700)).is_done();
  Script(uploading({.path = kPath})).sends(kAsk).answered(200, has_nothing()).is_done();
}

TEST_CASE("worker: a server that has another upload is sent all of this one", "[worker]") {
  upload().answered(200, has(512, random_bytes(600 * kKiB))).sends(chunk(0, 256));
  upload()
      .answered(200, has(512, std::string(update().rbegin(), update().rend())))
      .sends(chunk(0, 256));
}

TEST_CASE("worker: an answer of 200 means taken, whatever its body says", "[worker]") {
  upload().answered(200, has_nothing()).sends(chunk(0, 256)).answered(200, "{}").is_done();
}

TEST_CASE("worker: a chunk that was cut is asked for, and the rest goes in shorter ones",
          "[worker]") {
  upload()
      .answered(200, has_nothing())
      .sends(chunk(0, 256))
      .answered(202, has(256))
      .sends(chunk(256, 512))
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kAsk)
      .answered(200, has(256))  // it did not arrive
      .sends(chunk(256, 384))
      .is_cut()
      .pauses(400ms, 2, "cut")
      .sends(kAsk)
      .answered(200, has(384))  // it did, and only the answer was lost
      .sends(chunk(384, 448))
      .answered(202, has(448))
      .sends(chunk(448, 512))
      .is_cut()
      .pauses(200ms, 1, "cut")  // anew from the chunk that got through
      .sends(kAsk)
      .answered(200, has(512))
      .sends(chunk(512, 544));
}

TEST_CASE("worker: chunks are never shorter than 16 KiB", "[worker]") {
  auto script = upload();
  std::uint64_t length = 256;
  script.answered(200, has_nothing());
  for (unsigned retry = 1; retry <= 5; ++retry) {
    script.sends(chunk(0, length)).is_cut();
    if (retry == 5) {
      script.warns(3s, 117s, 0, "cut");
    }
    script.pauses(200ms * (1 << (retry - 1)), retry, "cut").answered(200, has(0));
    length = std::max<std::uint64_t>(length / 2, 16);
  }
  script.sends(chunk(0, 16));
}

TEST_CASE("worker: after four chunks that got through they grow again", "[worker]") {
  auto script = upload({}, chunks_of(32));
  script.answered(200, has_nothing());
  std::uint64_t at = 0;
  for (const std::uint64_t length : {32, 32, 32, 32, 64, 64, 64, 64, 128, 128}) {
    script.sends(chunk(at, at + length));
    at += length;
    script.answered(202, has(at));
  }
  script.sends(chunk(640, 700)).answered(200).is_done();
  CHECK(script.bench().length.bytes() == 128 * kKiB);
}

TEST_CASE("worker: a failure begins the count of sound chunks anew", "[worker]") {
  upload({}, chunks_of(64))
      .answered(200, has_nothing())
      .sends(chunk(0, 64))
      .answered(202, has(64))
      .answered(202, has(128))
      .answered(202, has(192))
      .is_cut()
      .pauses(200ms, 1, "cut")
      .answered(200, has(192))
      .sends(chunk(192, 224))
      .answered(202, has(224))
      .answered(202, has(256))
      .answered(202, has(288))
      .sends(chunk(288, 320))
      .answered(202, has(320))
      .sends(chunk(320, 384));
}

TEST_CASE("worker: the longest chunk stays the longest", "[worker]") {
  ChunkLength length;
  for (int i = 0; i < 100; ++i) {
    length.got_through();
    CHECK(length.bytes() == wire::kMaxChunkBytes);
  }
}

TEST_CASE("worker: the next upload on the link begins with the chunks of the last", "[worker]") {
  const ExchangePolicy policy;
  Rng jitter(1, RoundId{0}, "site-1", "test");
  ChunkLength length;
  const auto first_chunk = [&](bool is_cut) {
    UploadExchange exchange(policy, jitter, length, {.path = kPath, .bytes = update()}, Instant{});
    (void)exchange.resume(Proceed{}, Instant{});
    const auto action = exchange.resume(Answered{response(200, has_nothing())}, Instant{});
    const auto size = std::get<Send>(action).body.size();
    if (is_cut) {
      (void)exchange.resume(Answered{fail(Errc::kUnavailable, "cut")}, Instant{});
    }
    return size / kKiB;
  };
  CHECK(first_chunk(true) == 256);
  CHECK(first_chunk(true) == 128);
  CHECK(first_chunk(false) == 64);
  CHECK(first_chunk(false) == 64);
}

TEST_CASE("worker: a server that has lost bytes, or got them altered, is sent them again",
          "[worker]") {
  for (const int status : {416, 422}) {
    const auto reason = "the server answered with status " + std::to_string(status);
    upload()
        .answered(200, has(512))
        .sends(chunk(512, 700))
        .answered(status)
        .pauses(200ms, 1, reason)
        .sends(kAsk)
        .answered(200, has_nothing())
        .sends(chunk(0, 128))
        .answered(202, has(128))
        .sends(chunk(128, 256));
  }
}

TEST_CASE("worker: an update that is not awaited, or not allowed, is given up", "[worker]") {
  const std::pair<int, Errc> refusals[] = {{409, Errc::kConflict},
                                           {412, Errc::kFailedPrecondition},
                                           {401, Errc::kUnauthenticated},
                                           {403, Errc::kPermissionDenied},
                                           {413, Errc::kResourceExhausted}};
  for (const auto& [status, code] : refusals) {
    const auto reason = "the server answered with status " + std::to_string(status);
    upload().sends(kAsk).answered(status).has_failed(code, reason);
    upload().answered(200, has_nothing()).answered(status).has_failed(code, reason);
    upload()
        .answered(200, has_nothing())
        .answered(202, has(256))
        .answered(status)
        .has_failed(code, reason);
  }
}

TEST_CASE("worker: a server that keeps nothing is not sent chunks without a pause", "[worker]") {
  const std::string reason = "the server accepted a chunk and kept none of it";
  for (const auto& answer : {has(0), has(256), has_nothing(), has(512, random_bytes(9 * kKiB))}) {
    upload()
        .answered(200, has(256))
        .sends(chunk(256, 512))
        .answered(202, answer)
        .pauses(200ms, 1, reason)
        .sends(kAsk)
        .answered(200, has(256))
        .sends(chunk(256, 384))
        .answered(202, answer)
        .pauses(400ms, 2, reason)
        .sends(kAsk);
  }
}

TEST_CASE("worker: progress that can't be read ends an upload", "[worker]") {
  const auto ends_with = [](Script<UploadExchange>& script) {
    const auto action = script.exchange().resume(Answered{response(202, "<html>")}, Instant{});
    REQUIRE(std::holds_alternative<Failed>(action));
    CHECK_FALSE(is_retryable(std::get<Failed>(action).error.code));
  };
  auto script = upload();
  ends_with(script);
  auto later = upload();
  later.answered(200, has_nothing()).sends(chunk(0, 256));
  ends_with(later);
}

TEST_CASE("worker: asking how much is there is tried again like any other ask", "[worker]") {
  upload()
      .sends(kAsk)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kAsk)
      .is_cut()
      .pauses(400ms, 2, "cut")
      .sends(kAsk)
      .answered(200, has_nothing())
      .sends(chunk(0, 256))
      .is_cut()
      .pauses(200ms, 1, "cut")  // of the chunk, the first
      .sends(kAsk)
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kAsk)
      .answered(200, has_nothing())
      .sends(chunk(0, 128))
      .is_cut()
      .pauses(400ms, 2, "cut")  // of the chunk, the second
      .sends(kAsk)
      .is_cut()
      .stops()
      .has_failed(Errc::kUnavailable, "cut");
}

TEST_CASE("worker: an upload whose chunks never get through ends within its patience", "[worker]") {
  ExchangePolicy policy;
  policy.patience = 20s;
  policy.retry_attempts = 2;
  policy.backoff = {.first = 4s, .ceiling = 4s};
  auto script = upload(policy);
  script.answered(200, has_nothing()).after(10s).answered(202, has(256));
  script.after(2s).is_cut();  // at 12 s
  script.pauses(4s, 1, "cut").after(2s).answered(200, has(256)).is_cut();
  script.warns(6s, 12s, 1, "cut").pauses(4s, 2, "cut").after(2s).answered(200, has(256)).is_cut();
  script.pauses(4s, 3, "cut").after(2s).answered(200, has(256));
  script.sends(chunk(256, 288)).is_cut().has_failed(Errc::kUnavailable, "cut");  // at 30 s
}

TEST_CASE("worker: an upload survives each fault at each step", "[worker]") {
  auto script = upload();
  script.sends(kAsk)
      .answered(503)
      .pauses(200ms, 1, "the server answered with status 503")
      .sends(kAsk)
      .answered(200, has(100))
      .sends(chunk(100, 356))
      .after(3s)
      .answered(202, has(356))
      .is_cut()
      .pauses(200ms, 1, "cut")
      .sends(kAsk)
      .answered(200, has(484))
      .sends(chunk(484, 612))
      .answered(202, has(612))
      .answered(416)
      .pauses(200ms, 1, "the server answered with status 416")
      .sends(kAsk)
      .answered(200, has(0))
      .sends(chunk(0, 64))
      .answered(200)
      .is_done();
  replay_with_faults(script, [](Fault fault, const Send& request) -> Reaction {
    const bool is_chunk = request.method == "PUT";
    if (is_chunk && (fault == Fault::kRange || fault == Fault::kAltered)) {
      return Retries{};
    }
    // A PUT's 200 says enough; what is there has to be read.
    return fault == Fault::kGarbage && !is_chunk ? Reaction(Errc::kInvalidArgument)
                                                 : usual_reaction(fault);
  });
}
