#pragma once
// Whole files, bounded and durable.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis {

/// The bytes of `path`. Errors: kNotFound, kIo, kResourceExhausted above `max_bytes`; each names
/// the file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::uint64_t max_bytes);

/// Who may read the file that is made.
enum class FileAccess { kEveryone, kOwnerOnly };

/// Replaces `path` by `bytes` so that a crash leaves the old or the new file, never a part:
/// write beside it, fsync, rename, fsync the folder. Errors: kIo names the file and the cause.
[[nodiscard]] Status write_file_atomic(const std::filesystem::path& path,
                                       std::string_view bytes,
                                       FileAccess access = FileAccess::kEveryone);

/// Writes `bytes` at `offset` of `path`, which is made where it is missing. Not durable. Errors:
/// kIo names the file and the cause.
[[nodiscard]] Status write_at(const std::filesystem::path& path,
                              std::uint64_t offset,
                              std::string_view bytes);

/// Exactly the bytes [offset, offset + size) of `path`. Errors: kIo, also where there are fewer.
[[nodiscard]] Result<std::string> read_at(const std::filesystem::path& path,
                                          std::uint64_t offset,
                                          std::size_t size);

}  // namespace genesis
