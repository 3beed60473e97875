#pragma once
// Whole bodies as gzip (RFC 1952) or zstd (RFC 8878), bounded on the way back. Pure.
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

/// One zstd frame with its content's size and checksum; deterministic for one libzstd.
[[nodiscard]] Result<std::string> zstd_compress(std::string_view bytes);

/// The content of exactly one zstd frame, under gzip_decompress's rules; a frame that asks for a
/// window above kMaxZstdWindowBytes is refused (kResourceExhausted) before it is allocated.
[[nodiscard]] Result<std::string> zstd_decompress(std::string_view bytes, std::size_t max_bytes);
inline constexpr std::size_t kMaxZstdWindowBytes = std::size_t{8} << 20;

/// By the name that Content-Encoding gives: "gzip", "zstd", "" for bytes as they are. Errors:
/// kInvalidArgument for another name.
[[nodiscard]] Result<std::string> compress(std::string_view encoding, std::string bytes);
[[nodiscard]] Result<std::string> decompress(std::string_view encoding,
                                             std::string bytes,
                                             std::size_t max_bytes);

}  // namespace genesis::wire
