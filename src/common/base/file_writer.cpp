#include "common/base/file_writer.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace genesis {
namespace {

std::string cause() {
  return std::strerror(errno);
}

}  // namespace

Result<FileWriter> FileWriter::create(const std::filesystem::path& path) {
  struct stat there = {};
  const bool is_special = ::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
  const std::filesystem::path beside = path.string() + ".partial";
  const int fd = is_special
                     ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
                     : ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be created: " + cause());
  }
  return FileWriter(path, is_special ? std::filesystem::path() : beside, fd);
}

FileWriter::FileWriter(std::filesystem::path path, std::filesystem::path beside, int fd)
    : path_(std::move(path)), beside_(std::move(beside)), fd_(fd) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      beside_(std::move(other.beside_)),
      fd_(std::exchange(other.fd_, -1)) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    beside_ = std::move(other.beside_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileWriter::~FileWriter() {
  abandon();
}

void FileWriter::abandon() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
    if (!beside_.empty()) {
      ::unlink(beside_.c_str());
    }
  }
}

Status FileWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(fd_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return fail(Errc::kIo, path_.string() + ": cannot be written: " + cause());
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status FileWriter::finish() {
  const bool placed =
      beside_.empty() || (::fsync(fd_) == 0 && ::rename(beside_.c_str(), path_.c_str()) == 0);
  if (!placed) {
    const std::string why = cause();
    abandon();
    return fail(Errc::kIo, path_.string() + ": cannot be put in place: " + why);
  }
  if (::close(std::exchange(fd_, -1)) != 0) {
    return fail(Errc::kIo, path_.string() + ": cannot be written: " + cause());
  }
  return {};
}

}  // namespace genesis
