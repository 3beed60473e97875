#include "common/base/file.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace genesis {
namespace {

// Owns a descriptor; closing errors are looked at where they matter.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

std::string cause() {
  return std::strerror(errno);
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    const auto code = errno == ENOENT ? Errc::kNotFound : Errc::kIo;
    return fail(code, path.string() + ": cannot be opened: " + cause());
  }
  std::string bytes;
  constexpr std::size_t kBlock = 1 << 20;
  while (true) {
    const std::size_t filled = bytes.size();
    bytes.resize(filled + kBlock);
    const auto got = ::read(file.get(), bytes.data() + filled, kBlock);
    if (got < 0 && errno == EINTR) {
      bytes.resize(filled);
      continue;
    }
    if (got < 0) {
      return fail(Errc::kIo, path.string() + ": cannot be read: " + cause());
    }
    bytes.resize(filled + static_cast<std::size_t>(got));
    if (bytes.size() > max_bytes) {
      return fail(Errc::kResourceExhausted,
                  path.string() + ": larger than the " + std::to_string(max_bytes) +
                      " bytes allowed for it");
    }
    if (got == 0) {
      return bytes;
    }
  }
}

Status write_file_atomic(const std::filesystem::path& path,
                         std::string_view bytes,
                         FileAccess access) {
  const std::filesystem::path beside = path.string() + ".partial";
  const mode_t mode = access == FileAccess::kOwnerOnly ? 0600 : 0644;
  const auto failed = [&](const char* what) {
    const std::string message = path.string() + ": " + what + ": " + cause();
    ::unlink(beside.c_str());
    return fail(Errc::kIo, message);
  };
  Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (file.get() < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be created: " + cause());
  }
  std::string_view left = bytes;
  while (!left.empty()) {
    const auto put = ::write(file.get(), left.data(), left.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return failed("cannot be written");
    }
    left.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(file.get()) != 0 || !file.close()) {
    return failed("cannot be flushed to disk");
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    return failed("cannot be put in place");
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
    return fail(Errc::kIo, path.string() + ": its folder cannot be flushed to disk: " + cause());
  }
  return {};
}

Status write_at(const std::filesystem::path& path, std::uint64_t offset, std::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be opened: " + cause());
  }
  while (!bytes.empty()) {
    const auto put = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return fail(Errc::kIo, path.string() + ": cannot be written: " + cause());
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<std::string> read_at(const std::filesystem::path& path,
                            std::uint64_t offset,
                            std::size_t size) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be opened: " + cause());
  }
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const auto got = ::pread(
        file.get(), bytes.data() + filled, size - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return fail(Errc::kIo,
                  path.string() + ": cannot be read: " + (got < 0 ? cause() : "it is shorter"));
    }
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace genesis
