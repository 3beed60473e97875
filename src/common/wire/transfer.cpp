#include "common/wire/transfer.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include <nlohmann/json.hpp>

#include "common/base/base64.hpp"
#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::wire {
namespace {

using nlohmann::json;

constexpr std::string_view kUnit = "bytes ";
constexpr std::string_view kAlgorithm = "sha-256=:";

// Hex digits as the bytes that they stand for; they are crypto's own or have been checked.
std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string digest_field(std::string_view hex) {
  return std::string(kAlgorithm) + base64_encode(bytes_of(hex)) + ":";
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) {
    text.remove_prefix(1);
  }
  while (text.ends_with(' ') || text.ends_with('\t')) {
    text.remove_suffix(1);
  }
  return text;
}

// The SHA-256 among the digests of a field (RFC 8941, 3.2: a dictionary; others may stand beside
// it).
Result<std::string> parse_digest_field(std::string_view name, std::string_view field) {
  while (!field.empty()) {
    const auto comma = std::min(field.find(','), field.size());
    std::string_view member = trimmed(field.substr(0, comma));
    field.remove_prefix(std::min(field.size(), comma + 1));
    if (!member.starts_with(kAlgorithm) || !member.ends_with(':')) {
      continue;
    }
    member.remove_prefix(kAlgorithm.size());
    const auto bytes = base64_decode(member.substr(0, std::max<std::size_t>(member.size(), 1) - 1));
    if (bytes && bytes->size() == crypto::kSha256Bytes) {
      return crypto::to_hex(std::as_bytes(std::span(*bytes)));
    }
  }
  return fail(Errc::kInvalidArgument,
              std::string(name) + ": expected sha-256=:BASE64: of the 32 bytes of a SHA-256");
}

// Takes `prefix` and the number after it off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  text.remove_prefix(prefix.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

ChunkHeaders headers_of(const Chunk& chunk) {
  return {std::string(kUnit) + std::to_string(chunk.begin) + "-" + std::to_string(chunk.end - 1) +
              "/" + std::to_string(chunk.size),
          digest_field(chunk.sha256),
          digest_field(chunk.upload_sha256)};
}

Result<Chunk> parse_chunk(const ChunkHeaders& headers) {
  std::string_view range = headers.content_range;
  const auto first = take_number(range, kUnit);
  const auto last = take_number(range, "-");
  const auto size = take_number(range, "/");
  if (!first || !last || !size || !range.empty() || *first > *last || *last >= *size) {
    return fail(Errc::kInvalidArgument,
                "Content-Range: expected \"bytes FIRST-LAST/SIZE\" with FIRST <= LAST < SIZE");
  }
  Chunk chunk{*first, *last + 1, *size, {}, {}};
  GENESIS_ASSIGN(chunk.sha256, parse_digest_field("Content-Digest", headers.content_digest));
  GENESIS_ASSIGN(chunk.upload_sha256, parse_digest_field("Repr-Digest", headers.repr_digest));
  return chunk;
}

std::string encode(const UploadProgress& message) {
  return dump_json(
      {{"sha256", message.sha256}, {"size", message.size}, {"offset", message.offset}});
}

Result<UploadProgress> decode_upload_progress(std::string_view bytes) {
  GENESIS_ASSIGN(const auto body, parse_json(bytes));
  GENESIS_ASSIGN(const Fields fields, Fields::of(body, "UploadProgress"));
  UploadProgress message;
  GENESIS_ASSIGN(message.sha256, fields.text("sha256"));
  GENESIS_ASSIGN(message.size, fields.count("size"));
  GENESIS_ASSIGN(message.offset, fields.count("offset"));
  return message;
}

std::optional<Placement> place(const UploadProgress& progress, const Chunk& chunk) {
  const bool is_same = progress.sha256 == chunk.upload_sha256 && progress.size == chunk.size;
  if (!is_same) {
    return chunk.begin == 0 ? std::optional(Placement{true, 0}) : std::nullopt;
  }
  if (chunk.begin > progress.offset) {
    return std::nullopt;
  }
  return Placement{false, std::min(chunk.end, progress.offset) - chunk.begin};
}

std::optional<Chunk> next_chunk(std::string_view upload,
                                std::string_view sha256,
                                const UploadProgress& progress,
                                std::uint64_t max_bytes) {
  const bool is_same = progress.sha256 == sha256 && progress.size == upload.size();
  const std::uint64_t begin = is_same ? std::min(progress.offset, progress.size) : 0;
  if (begin == upload.size()) {
    return std::nullopt;
  }
  const std::uint64_t end = begin + std::min<std::uint64_t>(max_bytes, upload.size() - begin);
  return Chunk{begin,
               end,
               upload.size(),
               crypto::sha256_hex(upload.substr(begin, end - begin)),
               std::string(sha256)};
}

}  // namespace genesis::wire
