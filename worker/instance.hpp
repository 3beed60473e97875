#pragma once
// Which process takes part as a client: the aggregator lets one at a time. A state folder belongs
// to one process, and keeps its instance, so that a restart is told from a second process.
#include <filesystem>
#include <string>

#include "common/base/error.hpp"

namespace genesis::worker {

class Instance {
 public:
  /// Locks `folder`, which exists, until this object goes, and takes the instance that is kept
  /// there or makes one; without a folder the instance is new. Errors: kAlreadyExists where another
  /// process has the folder, kIo names the file.
  [[nodiscard]] static Result<Instance> claim(const std::filesystem::path& folder);

  Instance(Instance&& other) noexcept;
  Instance& operator=(Instance&&) = delete;
  ~Instance();

  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  Instance(std::string id, int lock) : id_(std::move(id)), lock_(lock) {}
  std::string id_;
  int lock_;  // file descriptor, -1 without one
};

}  // namespace genesis::worker
