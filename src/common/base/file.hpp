#pragma once
// Whole files, bounded and durable. What is written may come from people's rows, so files are made
// for their owner alone (0600, folders 0700) unless the caller says otherwise.
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

/// Makes `folder` and those above it that are missing, each 0700. One that is there stays as it is.
/// Errors: kIo names the folder and the cause.
[[nodiscard]] Status make_private_folder(const std::filesystem::path& folder);

/// Who may read the file that is made.
enum class FileAccess { kOwnerOnly, kEveryone };

/// Replaces `path` by `bytes` so that a crash leaves the old or the new file, never a part: write
/// beside it under a random name that nobody can have prepared (O_EXCL, O_NOFOLLOW), fsync, rename,
/// fsync the folder. A link at `path` is replaced, not followed. Errors: kIo names the file and the
/// cause.
[[nodiscard]] Status write_file_atomic(const std::filesystem::path& path,
                                       std::string_view bytes,
                                       FileAccess access = FileAccess::kOwnerOnly);

/// Removes what a process that was killed in write_file_atomic left in `folder`. Only for the
/// folder's one writer, before it writes.
void remove_partial_files(const std::filesystem::path& folder);

/// A file that is written part by part and put in place whole: until finish() has succeeded `path`
/// is what it was. Not durable; a file that is there keeps its mode. What is there and no regular
/// file, such as a pipe or a link (which may be /dev/stdout), is written directly.
class FileWriter {
 public:
  /// Errors of all: kIo names the file and the cause.
  [[nodiscard]] static Result<FileWriter> create(const std::filesystem::path& path);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&& other) noexcept;
  /// Removes what was written where finish() was not reached.
  ~FileWriter();

  [[nodiscard]] Status write(std::string_view bytes);
  /// Once, after the last write.
  [[nodiscard]] Status finish();

 private:
  FileWriter(std::filesystem::path path, std::filesystem::path beside, int descriptor);
  void abandon();
  std::filesystem::path path_;
  std::filesystem::path beside_;  // empty where `path_` is written directly
  int descriptor_;
};

/// Writes `bytes` at `offset` of `path`, which is made where it is missing and must not be a link.
/// Not durable. Errors: kIo names the file and the cause.
[[nodiscard]] Status write_at(const std::filesystem::path& path,
                              std::uint64_t offset,
                              std::string_view bytes);

/// Exactly the bytes [offset, offset + size) of `path`. Errors: kIo, also where there are fewer.
[[nodiscard]] Result<std::string> read_at(const std::filesystem::path& path,
                                          std::uint64_t offset,
                                          std::size_t size);

}  // namespace genesis
