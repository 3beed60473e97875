#include "common/fetch/volume.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"

namespace genesis::fetch {
namespace {

using nlohmann::json;

constexpr std::size_t kPart = std::size_t{256} * 1024;
constexpr Milliseconds kLook{1'000};

bool is_known(std::string_view name) {
  return std::ranges::find(kFiles, name) != kFiles.end();
}

// A regular file, open for reading.
class Reader {
 public:
  static Result<Reader> open(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) {
      return fail(errno == ENOENT ? Errc::kNotFound : Errc::kIo,
                  path.string() + ": " + std::strerror(errno));
    }
    Reader reader(path, descriptor);
    struct stat known = {};
    if (::fstat(descriptor, &known) != 0 || !S_ISREG(known.st_mode)) {
      return fail(Errc::kIo, path.string() + ": is no regular file");
    }
    reader.size_ = static_cast<std::uint64_t>(known.st_size);
    return reader;
  }
  Reader(Reader&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, -1)),
        size_(other.size_) {}
  Reader& operator=(Reader&&) = delete;
  ~Reader() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }

  // All from `offset` to the end.
  Status read(std::uint64_t offset, const Sink& sink) const {
    std::string part(kPart, '\0');
    for (;;) {
      const ssize_t size =
          ::pread(descriptor_, part.data(), part.size(), static_cast<off_t>(offset));
      if (size == 0) {
        return {};
      }
      if (size < 0 && errno == EINTR) {
        continue;
      }
      if (size < 0) {
        return fail(Errc::kIo, path_.string() + ": cannot be read: " + std::strerror(errno));
      }
      GENESIS_RETURN_IF_ERROR(sink(std::string_view(part.data(), static_cast<std::size_t>(size))));
      offset += static_cast<std::uint64_t>(size);
    }
  }

 private:
  Reader(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}
  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

Result<File> describe(const std::filesystem::path& folder, std::string_view name) {
  GENESIS_ASSIGN(const auto reader, Reader::open(folder / name));
  crypto::Sha256 digest;
  File file{.name = std::string(name), .bytes = 0, .sha256 = ""};
  GENESIS_RETURN_IF_ERROR(reader.read(0, [&](std::string_view part) -> Status {
    digest.update(part);
    file.bytes += part.size();
    return {};
  }));
  file.sha256 = digest.finish_hex();
  return file;
}

// Whether a process beside this one runs in the pid namespace that /proc shows.
bool has_company() {
  const auto self = static_cast<long>(::getpid());
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    long pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size() && pid != self) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<std::vector<File>> list_files(const std::filesystem::path& folder) {
  std::vector<File> files;
  for (const std::string_view name : kFiles) {
    auto file = describe(folder, name);
    if (file) {
      files.push_back(std::move(*file));
    } else if (file.error().code != Errc::kNotFound) {
      return tl::unexpected(file.error());
    }
  }
  return files;
}

std::string encode(const std::vector<File>& files) {
  json list = json::array();
  for (const File& file : files) {
    list.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return dump_json(list);
}

Result<std::vector<File>> decode_files(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array() || list.size() > kFiles.size()) {
    return fail(Errc::kDataLoss, "the list of files is none");
  }
  std::vector<File> files;
  for (const json& entry : list) {
    File file{.name = text_field(entry, "name"), .bytes = 0, .sha256 = text_field(entry, "sha256")};
    const auto& bytes = member(entry, "bytes");
    if (!is_known(file.name) || file.sha256.size() != crypto::kSha256HexDigits ||
        !bytes.is_number_unsigned()) {
      return fail(Errc::kDataLoss, "the list of files has an entry that is none");
    }
    file.bytes = bytes.get<std::uint64_t>();
    files.push_back(std::move(file));
  }
  return files;
}

Status send_file(const std::filesystem::path& folder,
                 std::string_view name,
                 std::uint64_t offset,
                 const Sink& sink) {
  if (!is_known(name)) {
    return fail(Errc::kInvalidArgument, std::string(name) + ": is not a file of a training");
  }
  GENESIS_ASSIGN(const auto reader, Reader::open(folder / name));
  if (offset > reader.size()) {
    return fail(Errc::kInvalidArgument,
                std::string(name) + ": has " + std::to_string(reader.size()) +
                    " bytes, fewer than " + std::to_string(offset));
  }
  return reader.read(offset, sink);
}

void hold(Milliseconds idle) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);  // process 1 has no default for them
  const SteadyClock clock;
  Instant last = clock.now();
  while (clock.now() - last < idle) {
    const timespec pause{std::chrono::duration_cast<std::chrono::seconds>(kLook).count(), 0};
    if (::sigtimedwait(&signals, nullptr, &pause) > 0) {
      return;
    }
    if (has_company()) {
      last = clock.now();
    }
  }
}

}  // namespace genesis::fetch
