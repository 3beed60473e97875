#pragma once
// A folder with one file a round, of which the newest few are kept: the aggregator's checkpoints
// and a worker's states. A file that turns out damaged is set aside, and the one before it serves.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"

namespace genesis::federation {

class RoundFiles {
 public:
  /// Makes the folder. Errors: kIo names it.
  [[nodiscard]] static Result<RoundFiles> open(const std::filesystem::path& folder);

  /// Durable when it returns (write_file_atomic); then all but the newest kKept go.
  static constexpr std::size_t kKept = 2;
  [[nodiscard]] Status save(RoundId round, std::string_view bytes);

  /// Rounds that have a file, newest first.
  [[nodiscard]] std::vector<RoundId> rounds() const;
  [[nodiscard]] Result<std::string> read(RoundId round) const;
  [[nodiscard]] std::filesystem::path path(RoundId round) const;

  /// Renames a damaged file to *.damaged, where a person may look at it.
  void set_aside(RoundId round) const;
  void remove(RoundId round) const;
  /// Removes the files of all rounds, the newest last: a crash on the way leaves that one.
  void clear() const;

 private:
  explicit RoundFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace genesis::federation
