#pragma once
// gzip (RFC 1952) of whole bodies, bounded on the way back. Pure.
#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::wire {

/// One gzip member without name or time: the same bytes in, the same bytes out (for one zlib).
/// Tuned for weights: 80 MB/s where zlib's defaults give 20 to 40, and no larger.
[[nodiscard]] Result<std::string> gzip_compress(std::string_view bytes);

/// The content of exactly one gzip member. Errors: kDataLoss for cut or altered bytes or anything
/// after the member, kResourceExhausted as soon as the content passes `max_bytes`, which is never
/// held.
[[nodiscard]] Result<std::string> gzip_decompress(std::string_view bytes, std::size_t max_bytes);

}  // namespace genesis::wire
