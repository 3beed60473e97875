#include "common/base/file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/random.h>
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

constexpr mode_t kPrivateFolder = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kAccessBits = 0777;
constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kHexadecimal = "0123456789abcdef";
constexpr std::size_t kRandomDigits = 16;

std::string cause() {
  return std::strerror(errno);
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(put < 0 ? 0 : static_cast<std::size_t>(put));
  }
  return true;
}

// Hexadecimal digits that nobody can guess; "" where the kernel gives none.
std::string random_name() {
  std::array<unsigned char, kRandomDigits / 2> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return "";
  }
  std::string name;
  for (const unsigned char byte : bytes) {
    name += kHexadecimal[byte >> 4U];
    name += kHexadecimal[byte & 0xFU];
  }
  return name;
}

// "model.safetensors.0123456789abcdef.partial", as create_beside() names files.
bool is_partial(std::string_view name) {
  constexpr std::size_t kEnding = 1 + kRandomDigits + kPartial.size();
  if (name.size() <= kEnding || !name.ends_with(kPartial)) {
    return false;
  }
  name.remove_prefix(name.size() - kEnding);
  return name[0] == '.' &&
         name.substr(1, kRandomDigits).find_first_not_of(kHexadecimal) == std::string_view::npos;
}

// A new file in the folder of `path`, and its name; below 0 where errno says why there is none.
int create_beside(const std::filesystem::path& path, mode_t mode, std::filesystem::path& beside) {
  constexpr int kTries = 8;
  constexpr std::size_t kStem = 200;  // so that the whole is a name that file systems take
  const std::string stem = path.filename().string().substr(0, kStem);
  int file = -1;
  for (int i = 0; i < kTries; ++i) {
    const std::string name = random_name();
    if (name.empty()) {
      return -1;
    }
    beside = path.parent_path() / (stem + "." + name + std::string(kPartial));
    file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file >= 0 || errno != EEXIST) {
      break;
    }
  }
  return file;
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

Status make_private_folder(const std::filesystem::path& folder) {
  std::error_code unknown;
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (part.empty() || std::filesystem::is_directory(made, unknown)) {
      continue;
    }
    if (::mkdir(made.c_str(), kPrivateFolder) == 0) {
      continue;
    }
    const std::string why = errno == EEXIST ? made.string() + " is a file" : cause();
    if (!std::filesystem::is_directory(made, unknown)) {  // another process may have been faster
      return fail(Errc::kIo, folder.string() + ": cannot be created: " + why);
    }
  }
  return {};
}

Status write_file_atomic(const std::filesystem::path& path,
                         std::string_view bytes,
                         FileAccess access) {
  std::filesystem::path beside;
  Descriptor file(create_beside(path, access == FileAccess::kOwnerOnly ? 0600 : 0644, beside));
  if (file.get() < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be created: " + cause());
  }
  const auto failed = [&](const char* what) {
    const std::string message = path.string() + ": " + what + ": " + cause();
    ::unlink(beside.c_str());
    return fail(Errc::kIo, message);
  };
  if (!write_all(file.get(), bytes)) {
    return failed("cannot be written");
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

void remove_partial_files(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_partial(entry.path().filename().string())) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

FileWriter::FileWriter(std::filesystem::path path, std::filesystem::path beside, int descriptor)
    : path_(std::move(path)), beside_(std::move(beside)), descriptor_(descriptor) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      beside_(std::move(other.beside_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    beside_ = std::move(other.beside_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FileWriter::~FileWriter() {
  abandon();
}

void FileWriter::abandon() {
  if (descriptor_ >= 0) {
    ::close(std::exchange(descriptor_, -1));
    if (!beside_.empty()) {
      ::unlink(beside_.c_str());
    }
  }
}

Result<FileWriter> FileWriter::create(const std::filesystem::path& path) {
  struct stat there = {};
  const bool is_there = ::lstat(path.c_str(), &there) == 0;
  const bool is_direct = is_there && !S_ISREG(there.st_mode);
  std::filesystem::path beside;
  const int file =
      is_direct ? ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivateFile)
                : create_beside(path, kPrivateFile, beside);
  if (file < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be created: " + cause());
  }
  FileWriter writer(path, std::move(beside), file);
  if (is_there && !is_direct && ::fchmod(file, there.st_mode & kAccessBits) != 0) {
    return fail(Errc::kIo, path.string() + ": its mode cannot be kept: " + cause());
  }
  return writer;
}

Status FileWriter::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) {
    return fail(Errc::kIo, path_.string() + ": cannot be written: " + cause());
  }
  return {};
}

Status FileWriter::finish() {
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    return fail(Errc::kIo, path_.string() + ": cannot be written: " + cause());
  }
  if (!beside_.empty() && ::rename(beside_.c_str(), path_.c_str()) != 0) {
    const std::string why = cause();
    ::unlink(beside_.c_str());
    return fail(Errc::kIo, path_.string() + ": cannot be put in place: " + why);
  }
  return {};
}

Status write_at(const std::filesystem::path& path, std::uint64_t offset, std::string_view bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
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
