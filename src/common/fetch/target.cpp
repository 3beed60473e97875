#include "common/fetch/target.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace genesis::fetch {
namespace {

constexpr std::size_t kPart = std::size_t{256} * 1024;
constexpr std::size_t kDigits = 16;  // of the digest, in the name of a part

tl::unexpected<Error> failed(const std::filesystem::path& path, const char* what) {
  return fail(Errc::kIo, path.string() + ": " + what + ": " + std::strerror(errno));
}

// All bytes of `descriptor` from where it stands.
Result<std::uint64_t> hash(int descriptor,
                           crypto::Sha256& digest,
                           const std::filesystem::path& path) {
  std::string buffer(kPart, '\0');
  std::uint64_t total = 0;
  for (;;) {
    const ssize_t size = ::read(descriptor, buffer.data(), buffer.size());
    if (size == 0) {
      return total;
    }
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return failed(path, "cannot be read");
    }
    digest.update(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    total += static_cast<std::uint64_t>(size);
  }
}

}  // namespace

Result<bool> Target::is_there(const std::filesystem::path& folder, const File& file) {
  const auto path = folder / file.name;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) {
    return false;  // or something else, which finish() replaces or complains of
  }
  struct stat known = {};
  if (::fstat(descriptor, &known) != 0 || !S_ISREG(known.st_mode) ||
      static_cast<std::uint64_t>(known.st_size) != file.bytes) {
    ::close(descriptor);
    return false;
  }
  crypto::Sha256 digest;
  const auto size = hash(descriptor, digest, path);
  ::close(descriptor);
  if (!size) {
    return tl::unexpected(size.error());
  }
  return digest.finish_hex() == file.sha256;
}

Target::Target(const std::filesystem::path& folder, File file)
    : file_(std::move(file)),
      path_(folder / file_.name),
      part_(folder / ("." + file_.name + "." + file_.sha256.substr(0, kDigits) + ".part")) {}

Target::Target(Target&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      part_(std::move(other.part_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      digest_(std::move(other.digest_)) {}

Target::~Target() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Result<Target> Target::open(const std::filesystem::path& folder, const File& file) {
  Target target(folder, file);
  constexpr mode_t kOwner = 0600;
  target.descriptor_ =
      ::open(target.part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kOwner);
  if (target.descriptor_ < 0) {
    return failed(target.part_, "cannot be created");
  }
  if (::flock(target.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::kIo, target.part_.string() + ": another process is fetching the same file");
  }
  GENESIS_RETURN_IF_ERROR(target.read_what_is_there());
  return target;
}

Status Target::read_what_is_there() {
  GENESIS_ASSIGN(size_, hash(descriptor_, digest_, part_));
  if (size_ <= file_.bytes) {
    return {};
  }
  if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) != 0) {
    return failed(part_, "cannot be emptied");
  }
  digest_ = crypto::Sha256();
  size_ = 0;
  return {};
}

Status Target::write(std::string_view part) {
  if (part.size() > file_.bytes - size_) {
    return fail(Errc::kDataLoss, file_.name + ": more came than the file has bytes");
  }
  digest_.update(part);
  size_ += part.size();
  while (!part.empty()) {
    const ssize_t size = ::write(descriptor_, part.data(), part.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return failed(part_, "cannot be written");
    }
    part.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

Status Target::finish() {
  if (size_ != file_.bytes || digest_.finish_hex() != file_.sha256) {
    ::unlink(part_.c_str());
    return fail(Errc::kDataLoss,
                file_.name +
                    ": what has come has another digest than the file in the cluster; "
                    "nothing was kept, fetch it again");
  }
  if (::fsync(descriptor_) != 0) {
    return failed(part_, "cannot be written");
  }
  if (::rename(part_.c_str(), path_.c_str()) != 0) {
    return failed(path_, "cannot be put in place");
  }
  return {};
}

}  // namespace genesis::fetch
