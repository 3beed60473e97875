#include "common/tls/file_watch.hpp"

#include <utility>

#include <sys/stat.h>

namespace genesis::tls {

FileWatch::FileWatch(std::vector<std::filesystem::path> files, SteadyTime now)
    : files_(std::move(files)), seen_(look()), last_look_(now) {}

bool FileWatch::has_changed(SteadyTime now) {
  if (now - last_look_ < std::chrono::seconds(1)) {
    return false;
  }
  last_look_ = now;
  auto found = look();
  return std::exchange(seen_, found) != found;
}

std::vector<FileWatch::Stamp> FileWatch::look() const {
  std::vector<Stamp> stamps;
  for (const auto& file : files_) {
    struct stat found {};
    Stamp stamp{};  // of a file that is not there
    if (::stat(file.c_str(), &found) == 0) {
      stamp = {static_cast<std::int64_t>(found.st_dev),
               static_cast<std::int64_t>(found.st_ino),
               static_cast<std::int64_t>(found.st_size),
               found.st_mtim.tv_sec,
               found.st_mtim.tv_nsec,
               found.st_ctim.tv_sec,
               found.st_ctim.tv_nsec};
    }
    stamps.push_back(stamp);
  }
  return stamps;
}

}  // namespace genesis::tls
