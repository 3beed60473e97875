#include "worker/instance.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/crypto/entropy.hpp"

namespace genesis::worker {
namespace {

constexpr std::uint64_t kMostBytes = 64;

std::string new_id() {
  crypto::SystemEntropy entropy;
  return crypto::random_id(entropy);
}

// What `file` holds, or a new instance that it holds from now on.
Result<std::string> kept_id(const std::filesystem::path& file) {
  auto kept = read_file(file, kMostBytes);
  if (kept && !kept->empty()) {
    return kept;
  }
  if (!kept && kept.error().code != Errc::kNotFound) {
    return kept;
  }
  auto id = new_id();
  GENESIS_RETURN_IF_ERROR(write_file_atomic(file, id));
  return id;
}

}  // namespace

Result<Instance> Instance::claim(const std::filesystem::path& folder) {
  if (folder.empty()) {
    return Instance(new_id(), -1);
  }
  const auto path = folder / "lock";
  const int lock = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be opened: " + std::strerror(errno));
  }
  Instance claimed("", lock);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return fail(Errc::kAlreadyExists,
                folder.string() +
                    ": is in use by another process; every client has a state folder of its own");
  }
  GENESIS_ASSIGN(claimed.id_, kept_id(folder / "instance"));
  return claimed;
}

Instance::Instance(Instance&& other) noexcept
    : id_(std::move(other.id_)), lock_(std::exchange(other.lock_, -1)) {}

Instance::~Instance() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

}  // namespace genesis::worker
