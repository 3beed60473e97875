#pragma once
// The file that rows are written to, block by block.
#include <filesystem>
#include <memory>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis {

/// Writes a file, whole or not at all, compressed where its name ends in .gz (gzip) or .zst (zstd).
/// What is no regular file is written as bytes come. The same bytes in the same pieces give the
/// same file.
class RowFile {
 public:
  /// Errors of all: kIo names the file and the cause; kResourceExhausted without memory to
  /// compress.
  [[nodiscard]] static Result<RowFile> create(const std::filesystem::path& path);
  RowFile(RowFile&&) noexcept;
  RowFile& operator=(RowFile&&) noexcept;
  /// Removes what was written where finish() was not reached.
  ~RowFile();

  [[nodiscard]] Status write(std::string_view bytes);
  /// Once, after the last write.
  [[nodiscard]] Status finish();

 private:
  class Encoder;
  class Gzip;
  class Zstd;
  struct Impl;
  explicit RowFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis
