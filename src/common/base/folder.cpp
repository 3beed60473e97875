#include "common/base/folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace genesis {

Result<std::filesystem::path> temporary_folder() {
  std::error_code failed;
  auto folder = std::filesystem::temp_directory_path(failed);
  if (failed) {
    const char* named = std::getenv("TMPDIR");
    return fail(Errc::kNotFound,
                std::string(named != nullptr ? named : "/tmp") +
                    ": the folder for temporary files can't be used: " + failed.message() +
                    "; set TMPDIR to a folder that is there");
  }
  return folder;
}

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder) {
  FolderLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.fd_ < 0) {
    return fail(Errc::kIo, folder.string() + ": cannot be opened: " + std::strerror(errno));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(Errc::kFailedPrecondition, folder.string() + ": another process is writing there");
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock::~FolderLock() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

}  // namespace genesis
