#pragma once
// Uploads in chunks that resume, without I/O: what the headers of one chunk say, where it goes in
// what has arrived, and which chunk comes next. Aggregator and worker are thin shells over these;
// docs/protocol.md, "Transfers". Headers: RFC 9110, 14.4 and 14.5 (Content-Range in PUT), RFC 9530
// (Content-Digest, Repr-Digest).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::wire {

/// Longest chunk that is taken. What is cut off in the middle of one is sent again.
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{256} << 10;

/// Bytes [begin, end) of an upload of `size` bytes.
struct Chunk {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t size = 0;
  std::string sha256;         // of the chunk, as hex digits
  std::string upload_sha256;  // of the whole upload: it names the upload
  bool operator==(const Chunk&) const = default;
};

struct ChunkHeaders {
  std::string content_range;   // "bytes 0-262143/4100000"
  std::string content_digest;  // "sha-256=:…:" of the chunk
  std::string repr_digest;     // the same of the whole upload
};
[[nodiscard]] ChunkHeaders headers_of(const Chunk& chunk);

/// Errors: kInvalidArgument names the header and what it should be.
[[nodiscard]] Result<Chunk> parse_chunk(const ChunkHeaders& headers);

/// How much of an upload has arrived. All of it: it has been taken, and is not asked for again.
struct UploadProgress {
  std::string sha256;  // of the upload; "" where none has begun
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // bytes that have arrived, from the first on
  bool operator==(const UploadProgress&) const = default;
};
[[nodiscard]] std::string encode(const UploadProgress& message);
[[nodiscard]] Result<UploadProgress> decode_upload_progress(std::string_view bytes);

struct Placement {
  bool is_new = false;      // begins its upload; what has arrived of another one is given up
  std::uint64_t known = 0;  // so many of its first bytes have arrived, and have to be the same
  bool operator==(const Placement&) const = default;
};

/// Where `chunk` goes; nullopt where bytes before it are missing.
[[nodiscard]] std::optional<Placement> place(const UploadProgress& progress, const Chunk& chunk);

/// The chunk of `upload`, whose digest is `sha256`, to be sent next to who has `progress`: at most
/// `max_bytes` (> 0). nullopt where nothing is left to send.
[[nodiscard]] std::optional<Chunk> next_chunk(std::string_view upload,
                                              std::string_view sha256,
                                              const UploadProgress& progress,
                                              std::uint64_t max_bytes = kMaxChunkBytes);

}  // namespace genesis::wire
