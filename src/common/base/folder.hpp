#pragma once
// Folders that are there, and that one process has for itself.
#include <filesystem>

#include "common/base/error.hpp"

namespace genesis {

/// The folder for temporary files: TMPDIR, or /tmp. Errors: kNotFound names it where it is no
/// folder.
[[nodiscard]] Result<std::filesystem::path> temporary_folder();

/// Keeps a folder to one process at a time, until it is destroyed or the process ends. Leaves no
/// file behind. A file system that knows no locks gives none, and no error.
class FolderLock {
 public:
  /// Errors: kFailedPrecondition where another process has it, kIo where it can't be opened.
  [[nodiscard]] static Result<FolderLock> take(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace genesis
