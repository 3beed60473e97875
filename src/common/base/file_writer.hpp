#pragma once
// A file that is written piece by piece and put in place whole.
#include <filesystem>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis {

/// A file that is written piece by piece and put in place whole: until finish() has succeeded
/// `path` is what it was. What is there and no regular file, such as a pipe or /dev/stdout, is
/// written directly.
class FileWriter {
 public:
  /// Errors: kIo names the file and the cause, here and below.
  [[nodiscard]] static Result<FileWriter> create(const std::filesystem::path& path);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&& other) noexcept;
  /// Removes what was written where finish() was not reached.
  ~FileWriter();

  [[nodiscard]] Status write(std::string_view bytes);
  /// Once, after the last write.
  [[nodiscard]] Status finish();

 private:
  FileWriter(std::filesystem::path path, std::filesystem::path beside, int fd);
  void abandon();
  std::filesystem::path path_;
  std::filesystem::path beside_;  // empty where `path_` is written directly
  int fd_ = -1;
};

}  // namespace genesis
