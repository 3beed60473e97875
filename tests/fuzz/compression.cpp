// Compressed bodies: never more than the bound, and what we compress comes back.
#include "common/wire/compression.hpp"

#include <string>

#include "tests/fuzz/fuzz.hpp"

using namespace genesis;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = std::size_t{64} << 10;
  const auto bytes = std::string(fuzz::text(data, size));
  for (const char* encoding : {"gzip", "zstd"}) {
    if (const auto content = wire::decompress(encoding, bytes, kMost)) {
      fuzz::holds(content->size() <= kMost, "the bound holds");
    }
    if (size <= kMost) {
      const auto packed = wire::compress(encoding, bytes);
      fuzz::holds(packed.has_value(), "anything compresses");
      const auto content = wire::decompress(encoding, *packed, kMost);
      fuzz::holds(content && *content == bytes, "and comes back");
    }
  }
  return 0;
}
