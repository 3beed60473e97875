#pragma once
// Words of a secure sum: integers modulo 2^bits, so that masks are uniform and cancel exactly.
// Pure.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::secure {

/// Each below 2^bits where it is an input or a sum; accumulators use all 64 bits, since 2^bits
/// divides 2^64 and one reduction at the end is enough.
using Words = std::vector<std::uint64_t>;

inline constexpr unsigned kMaxWordBits = 62;  // a sum, read with its sign, fits an int64
inline constexpr std::size_t kMaxWords = std::size_t{1} << 26;

/// 2^bits - 1.
[[nodiscard]] constexpr std::uint64_t low_bits(unsigned bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

/// Reduces each word modulo 2^bits.
void reduce(std::span<std::uint64_t> words, unsigned bits);

/// Adds `terms` to `sum`, word by word modulo 2^64; both have one size.
void add(std::span<std::uint64_t> sum, std::span<const std::uint64_t> terms);

/// Bytes of `count` words: count * bits / 8, rounded up.
[[nodiscard]] std::size_t packed_bytes(std::size_t count, unsigned bits);

/// The words one after the other, least significant bit first; what is left of the last byte is
/// zero. Words are below 2^bits, and bits is in [1, kMaxWordBits].
[[nodiscard]] std::string pack(std::span<const std::uint64_t> words, unsigned bits);

/// The `count` words of `bytes`. Errors: kInvalidArgument where `bytes` has another size, or where
/// a bit after the last word is set, so that words have one form alone.
[[nodiscard]] Result<Words> unpack(std::string_view bytes, std::size_t count, unsigned bits);

}  // namespace genesis::secure
