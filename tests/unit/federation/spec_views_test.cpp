#include "common/federation/spec_views.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;

TEST_CASE("federation: what the spec says of communication is what the wire does", "[federation]") {
  CHECK(federation::content_encoding(spec::Compression::kNone).empty());
  CHECK(federation::content_encoding(spec::Compression::kGzip) == "gzip");
  CHECK(federation::content_encoding(spec::Compression::kZstd) == "zstd");
  CHECK(federation::quantization(spec::Quantization::kNone) == wire::Quantization::kNone);
  CHECK(federation::quantization(spec::Quantization::kFp16) == wire::Quantization::kFp16);
  CHECK(federation::quantization(spec::Quantization::kInt8) == wire::Quantization::kInt8);
}
