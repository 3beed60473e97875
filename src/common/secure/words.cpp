#include "common/secure/words.hpp"

#include "common/base/check.hpp"

namespace genesis::secure {
namespace {

__extension__ using Wide = unsigned __int128;  // a word beside what is left of the last byte

}  // namespace

void reduce(std::span<std::uint64_t> words, unsigned bits) {
  const std::uint64_t kept = low_bits(bits);
  for (std::uint64_t& word : words) {
    word &= kept;
  }
}

void add(std::span<std::uint64_t> sum, std::span<const std::uint64_t> terms) {
  GENESIS_CHECK(sum.size() == terms.size(), "terms of a sum have one size");
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] += terms[i];
  }
}

std::size_t packed_bytes(std::size_t count, unsigned bits) {
  GENESIS_CHECK(count <= kMaxWords && bits <= kMaxWordBits, "bounded by who asks");
  return (count * bits + 7) / 8;
}

std::string pack(std::span<const std::uint64_t> words, unsigned bits) {
  std::string bytes;
  bytes.reserve(packed_bytes(words.size(), bits));
  Wide pending = 0;
  unsigned held = 0;
  for (const std::uint64_t word : words) {
    GENESIS_CHECK(word <= low_bits(bits), "a word is below 2^bits");
    pending |= static_cast<Wide>(word) << held;
    held += bits;
    for (; held >= 8; held -= 8) {
      bytes += static_cast<char>(static_cast<unsigned char>(pending & 0xffU));
      pending >>= 8U;
    }
  }
  if (held > 0) {
    bytes += static_cast<char>(static_cast<unsigned char>(pending & 0xffU));
  }
  return bytes;
}

Result<Words> unpack(std::string_view bytes, std::size_t count, unsigned bits) {
  const std::size_t expected = packed_bytes(count, bits);
  if (bytes.size() != expected) {
    return fail(Errc::kInvalidArgument,
                "expected " + std::to_string(expected) + " bytes for " + std::to_string(count) +
                    " words of " + std::to_string(bits) + " bits, got " +
                    std::to_string(bytes.size()));
  }
  Words words(count);
  Wide pending = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (std::uint64_t& word : words) {
    for (; held < bits; held += 8) {
      const auto byte = static_cast<unsigned char>(bytes[at++]);
      pending |= static_cast<Wide>(byte) << held;
    }
    word = static_cast<std::uint64_t>(pending) & low_bits(bits);
    pending >>= bits;
    held -= bits;
  }
  if (pending != 0) {
    return fail(Errc::kInvalidArgument, "a bit after the last word is set");
  }
  return words;
}

}  // namespace genesis::secure
