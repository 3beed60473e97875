#pragma once
// Whether files have changed since they were read, asked at most once a second. A Secret that
// Kubernetes mounts changes by a link's new target, which counts. One thread at a time.
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace genesis::tls {

using SteadyTime = std::chrono::steady_clock::time_point;

class FileWatch {
 public:
  /// Notes how the files are now: make it before they are read, so that no change is missed.
  FileWatch(std::vector<std::filesystem::path> files, SteadyTime now);

  /// True once for each change, but for what happens within a second of the last question.
  [[nodiscard]] bool has_changed(SteadyTime now);

 private:
  // Device, inode, size, and the times of the last change of content and of anything.
  using Stamp = std::array<std::int64_t, 7>;
  [[nodiscard]] std::vector<Stamp> look() const;

  std::vector<std::filesystem::path> files_;
  std::vector<Stamp> seen_;
  SteadyTime last_look_;
};

}  // namespace genesis::tls
