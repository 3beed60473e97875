#include "common/wire/transfer.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "common/crypto/digest.hpp"
#include "tests/support/catch.hpp"

namespace genesis::wire {
namespace {

// A server in memory that keeps to place(): what it has of one upload.
class Keeper {
 public:
  [[nodiscard]] const UploadProgress& progress() const { return progress_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t travelled() const { return travelled_; }

  // False where bytes before the chunk are missing.
  bool put(const Chunk& chunk, std::string_view body) {
    travelled_ += body.size();
    const auto placement = place(progress_, chunk);
    if (!placement) {
      return false;
    }
    if (placement->is_new) {
      progress_ = {chunk.upload_sha256, chunk.size, 0};
      bytes_.clear();
    }
    RC_ASSERT(bytes_.substr(chunk.begin, placement->known) == body.substr(0, placement->known));
    bytes_.append(body.substr(placement->known));
    progress_.offset = bytes_.size();
    return true;
  }
  void forget() { *this = Keeper(); }

 private:
  UploadProgress progress_;
  std::string bytes_;
  std::uint64_t travelled_ = 0;
};

std::string_view part(std::string_view upload, const Chunk& chunk) {
  return upload.substr(chunk.begin, chunk.end - chunk.begin);
}

UploadProgress at(std::string_view upload, std::uint64_t offset) {
  return {crypto::sha256_hex(upload), upload.size(), offset};
}

}  // namespace

TEST_CASE("wire: a chunk's headers are those of RFC 9110 and RFC 9530", "[wire]") {
  const auto chunk = next_chunk("{\"hello\": \"world\"}", std::string(64, '0'), {});
  REQUIRE(chunk);
  const auto headers = headers_of(*chunk);
  CHECK(headers.content_range == "bytes 0-17/18");
  // RFC 9530, appendix B.1, has this body with a line feed:
  const auto with_feed = next_chunk("{\"hello\": \"world\"}\n", std::string(64, '0'), {});
  CHECK(headers_of(*with_feed).content_digest ==
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
  CHECK(headers.repr_digest == "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
  CHECK(parse_chunk(headers).value() == *chunk);
}

TEST_CASE("wire: headers that name no chunk are refused by name", "[wire]") {
  const auto good = headers_of(*next_chunk("some bytes", crypto::sha256_hex("some bytes"), {}));
  for (const char* range : {"",
                            "bytes",
                            "bytes 0-9",
                            "bytes 0-9/*",
                            "bytes */10",
                            "bytes 9-0/10",
                            "bytes 0-10/10",
                            "bytes 0-0/0",
                            "bytes -1-9/10",
                            "bytes 0--9/10",
                            "bytes +0-9/10",
                            "bytes 0-9/10 ",
                            "bytes 0-9/10, 0-9/10",
                            "items 0-9/10",
                            "bytes 0-9/99999999999999999999",
                            "bytes 0x0-9/10"}) {
    auto bad = good;
    bad.content_range = range;
    INFO(range);
    const auto chunk = parse_chunk(bad);
    REQUIRE_FALSE(chunk);
    CHECK(chunk.error().code == Errc::kInvalidArgument);
    CHECK_THAT(chunk.error().message, ContainsSubstring("Content-Range: expected"));
  }
  for (const char* digest : {"",
                             "sha-256",
                             "sha-256=::",
                             "sha-256=:AAAA:",
                             "sha-256=:!:",
                             "sha-512=:AAAA:",
                             "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    INFO(digest);
    auto bad = good;
    bad.content_digest = digest;
    CHECK_THAT(parse_chunk(bad).error().message, ContainsSubstring("Content-Digest: expected"));
    bad = good;
    bad.repr_digest = digest;
    CHECK_THAT(parse_chunk(bad).error().message, ContainsSubstring("Repr-Digest: expected"));
  }
  auto several = good;
  several.content_digest = "sha-512=:AAAA:, " + good.content_digest;
  CHECK(parse_chunk(several).value() == parse_chunk(good).value());
}

TEST_CASE("wire: where a chunk goes follows from what has arrived", "[wire]") {
  const std::string upload = "0123456789";
  const auto chunk = [&](std::uint64_t begin, std::uint64_t end) {
    return Chunk{begin, end, upload.size(), "", crypto::sha256_hex(upload)};
  };
  CHECK(place({}, chunk(0, 4)) == Placement{true, 0});
  CHECK_FALSE(place({}, chunk(4, 8)));
  CHECK(place(at(upload, 4), chunk(4, 8)) == Placement{false, 0});
  CHECK(place(at(upload, 4), chunk(0, 4)) == Placement{false, 4});  // the same again
  CHECK(place(at(upload, 4), chunk(2, 8)) == Placement{false, 2});  // cut elsewhere
  CHECK_FALSE(place(at(upload, 4), chunk(5, 8)));
  CHECK(place(at(upload, 10), chunk(8, 10)) == Placement{false, 2});
  // Another upload takes the place of an unfinished one, from its first byte on.
  CHECK(place(at("another one", 4), chunk(0, 4)) == Placement{true, 0});
  CHECK_FALSE(place(at("another one", 4), chunk(4, 8)));
}

TEST_CASE("wire: the next chunk begins where the server stands", "[wire]") {
  const std::string upload = "0123456789";
  const auto sha256 = crypto::sha256_hex(upload);
  const auto next = [&](const UploadProgress& progress) {
    const auto chunk = next_chunk(upload, sha256, progress, 4);
    return chunk ? std::string(part(upload, *chunk)) : "nothing";
  };
  CHECK(next({}) == "0123");
  CHECK(next(at(upload, 4)) == "4567");
  CHECK(next(at(upload, 7)) == "789");
  CHECK(next(at(upload, 10)) == "nothing");
  CHECK(next(at(upload, 99)) == "nothing");
  CHECK(next(at("another", 4)) == "0123");
  CHECK_FALSE(next_chunk("", crypto::sha256_hex(""), {}));
}

TEST_CASE("wire: an upload that is cut at any byte goes on where it was", "[wire]") {
  std::string upload;
  for (int i = 0; i < 100; ++i) {
    upload += static_cast<char>(i * 37);
  }
  const auto sha256 = crypto::sha256_hex(upload);
  constexpr std::uint64_t kChunk = 16;
  for (std::uint64_t cut = 0; cut < upload.size(); ++cut) {
    Keeper server;
    std::uint64_t sent = 0;
    std::uint64_t wasted = 0;
    while (const auto chunk = next_chunk(upload, sha256, server.progress(), kChunk)) {
      const auto size = chunk->end - chunk->begin;
      const bool is_cut = sent <= cut && cut < sent + size;
      sent += is_cut ? cut - sent + 1 : size;
      if (is_cut) {
        wasted = sent - server.progress().offset;  // the server does not keep part of a chunk
        continue;
      }
      REQUIRE(server.put(*chunk, part(upload, *chunk)));
    }
    REQUIRE(server.bytes() == upload);
    REQUIRE(wasted <= kChunk);
    REQUIRE(server.travelled() == upload.size());
  }
}

TEST_CASE("wire: lost, repeated and forgotten chunks end in the same bytes", "[wire][property]") {
  REQUIRE(rc::check("any faults", [](const std::string& upload, std::uint64_t seed) {
    RC_PRE(!upload.empty());
    const auto sha256 = crypto::sha256_hex(upload);
    Keeper server;
    UploadProgress known;
    std::vector<Chunk> sent;
    for (int turn = 0;; ++turn) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      const auto fault = turn < 50 ? seed >> 60U : 0;
      const auto chunk = next_chunk(upload, sha256, known, 1 + (seed >> 40U) % 7);
      if (!chunk) {
        break;
      }
      sent.push_back(*chunk);
      if (fault == 1) {
        server.forget();  // it was started anew
      } else if (fault == 2) {
        known = server.progress();  // the chunk is lost
        continue;
      } else if (fault == 3) {
        const auto& old = sent[seed % sent.size()];
        server.put(old, part(upload, old));
      }
      server.put(*chunk, part(upload, *chunk));
      known = server.progress();
    }
    RC_ASSERT(server.bytes() == upload);
  }));
}

TEST_CASE("wire: progress comes back from its JSON", "[wire]") {
  const UploadProgress progress{std::string(64, 'a'), std::uint64_t{1} << 40, 7};
  CHECK(decode_upload_progress(encode(progress)) == progress);
  CHECK(encode(UploadProgress{}) == R"({"offset":0,"sha256":"","size":0})");
  CHECK(decode_upload_progress(R"({"sha256":"","size":0})").error().message ==
        "UploadProgress.offset: missing");
}

}  // namespace genesis::wire
