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

}  // namespace genesis::wire
