#include "common/wire/compression.hpp"

#include <string>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/wire/damage.hpp"

namespace genesis::wire {

TEST_CASE("wire: any bytes come back from gzip", "[wire][property]") {
  REQUIRE(rc::check("compress, decompress", [](const std::string& bytes) {
    const auto compressed = gzip_compress(bytes);
    RC_ASSERT(compressed.has_value());
    RC_ASSERT(gzip_decompress(*compressed, bytes.size()).value() == bytes);
    RC_ASSERT(gzip_compress(bytes).value() == *compressed);
  }));
}

TEST_CASE("wire: content exactly at the bound passes and one byte more does not", "[wire]") {
  const std::string bytes(100000, 'x');
  const std::string compressed = *gzip_compress(bytes);
  CHECK(gzip_decompress(compressed, 100000) == bytes);
  CHECK(gzip_decompress(compressed, 99999).error().code == Errc::kResourceExhausted);
  CHECK(gzip_decompress(compressed, 0).error().code == Errc::kResourceExhausted);
  CHECK(gzip_decompress(*gzip_compress(""), 0) == std::string());
}

TEST_CASE("wire: a gzip bomb stops at the bound", "[wire]") {
  const std::string bomb = *gzip_compress(std::string(std::size_t{64} << 20, '\0'));
  REQUIRE(bomb.size() < 400000);
  const auto content = gzip_decompress(bomb, std::size_t{1} << 20);
  REQUIRE_FALSE(content.has_value());
  CHECK(content.error().code == Errc::kResourceExhausted);
  CHECK(content.error().message ==
        "gzip: the content is larger than the 1048576 bytes that are accepted");
}

TEST_CASE("wire: every truncation of gzip is refused", "[wire]") {
  for_each_truncation(*gzip_compress("a small but honest body"), [](const std::string& bytes) {
    REQUIRE(gzip_decompress(bytes, 1000).error().code == Errc::kDataLoss);
  });
}

TEST_CASE("wire: a flipped bit of gzip never changes the content unnoticed", "[wire]") {
  const std::string content = "a small but honest body";
  for_each_bit_flip(*gzip_compress(content), [&](const std::string& bytes, std::size_t /*byte*/) {
    // The header's time and system and the padding of the last block are not content.
    const auto decompressed = gzip_decompress(bytes, 1000);
    REQUIRE((!decompressed || *decompressed == content));
  });
}

TEST_CASE("wire: nothing may follow the gzip member", "[wire]") {
  const std::string member = *gzip_compress("body");
  CHECK_THAT(gzip_decompress(member + "!", 1000).error().message,
             ContainsSubstring("1 bytes follow"));
  CHECK(gzip_decompress(member + member, 1000).error().code == Errc::kDataLoss);
}

TEST_CASE("wire: zlib and raw deflate streams are not gzip", "[wire]") {
  // python3: zlib.compress(b"body")
  const std::string zlib("\x78\x9c\x4b\xca\x4f\xa9\x04\x00\x04\x1e\x01\xaf", 12);
  CHECK(gzip_decompress(zlib, 1000).error().code == Errc::kDataLoss);
  CHECK(gzip_decompress("body", 1000).error().code == Errc::kDataLoss);
}

TEST_CASE("wire: any bytes come back from zstd", "[wire][property]") {
  REQUIRE(rc::check("compress, decompress", [](const std::string& bytes) {
    const auto compressed = zstd_compress(bytes);
    RC_ASSERT(compressed.has_value());
    RC_ASSERT(zstd_decompress(*compressed, bytes.size()).value() == bytes);
    RC_ASSERT(zstd_compress(bytes).value() == *compressed);
  }));
}

TEST_CASE("wire: zstd content exactly at the bound passes and one byte more does not", "[wire]") {
  const std::string bytes(100000, 'x');
  const std::string compressed = *zstd_compress(bytes);
  CHECK(zstd_decompress(compressed, 100000) == bytes);
  CHECK(zstd_decompress(compressed, 99999).error().code == Errc::kResourceExhausted);
  CHECK(zstd_decompress(compressed, 0).error().code == Errc::kResourceExhausted);
  CHECK(zstd_decompress(*zstd_compress(""), 0) == std::string());
}

TEST_CASE("wire: a zstd bomb stops at the bound", "[wire]") {
  const std::string bomb = *zstd_compress(std::string(std::size_t{64} << 20, '\0'));
  REQUIRE(bomb.size() < 10000);
  const auto content = zstd_decompress(bomb, std::size_t{1} << 20);
  REQUIRE_FALSE(content.has_value());
  CHECK(content.error().code == Errc::kResourceExhausted);
  CHECK(content.error().message ==
        "zstd: the content is larger than the 1048576 bytes that are accepted");
}

TEST_CASE("wire: a zstd frame that asks for a large window is refused unread", "[wire]") {
  // Magic number, no content size, a window of 2^24 bytes (RFC 8878, 3.1.1.1.2), a last raw block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\x70\x09\x00\x00x", 10);
  const auto content = zstd_decompress(frame, std::size_t{1} << 30);
  REQUIRE_FALSE(content.has_value());
  CHECK(content.error().code == Errc::kResourceExhausted);
  CHECK_THAT(content.error().message, ContainsSubstring("a window above the 8388608 bytes"));
  const std::string smaller("\x28\xb5\x2f\xfd\x00\x68\x09\x00\x00x", 10);
  CHECK(zstd_decompress(smaller, 1) == std::string("x"));
}

TEST_CASE("wire: every truncation of zstd is refused", "[wire]") {
  for_each_truncation(*zstd_compress("a small but honest body"), [](const std::string& bytes) {
    REQUIRE(zstd_decompress(bytes, 1000).error().code == Errc::kDataLoss);
  });
}

TEST_CASE("wire: a flipped bit of zstd never changes the content unnoticed", "[wire]") {
  const std::string content = "a small but honest body";
  for_each_bit_flip(*zstd_compress(content), [&](const std::string& bytes, std::size_t /*byte*/) {
    const auto decompressed = zstd_decompress(bytes, 1000);
    REQUIRE((!decompressed || *decompressed == content));
  });
}

TEST_CASE("wire: nothing may follow the zstd frame or stand for it", "[wire]") {
  const std::string frame = *zstd_compress("body");
  CHECK_THAT(zstd_decompress(frame + "!", 1000).error().message,
             ContainsSubstring("1 bytes follow"));
  CHECK(zstd_decompress(frame + frame, 1000).error().code == Errc::kDataLoss);
  CHECK(zstd_decompress("body", 1000).error().code == Errc::kDataLoss);
}

TEST_CASE("wire: encodings go by their HTTP names", "[wire]") {
  for (const char* name : {"", "gzip", "zstd"}) {
    CHECK(decompress(name, compress(name, "body").value(), 4) == std::string("body"));
  }
  CHECK(compress("", "body") == std::string("body"));
  CHECK(compress("br", "body").error().code == Errc::kInvalidArgument);
  CHECK_THAT(decompress("br", "body", 4).error().message, ContainsSubstring("\"br\""));
}

}  // namespace genesis::wire
