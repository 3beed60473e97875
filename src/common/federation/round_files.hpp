#pragma once
// A folder with one file a round, of which the newest few are kept: the aggregator's checkpoints
// and a worker's states. A file that turns out damaged is quarantined, and the one before it
// serves.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"

namespace genesis::federation {

class RoundFiles {
 public:
  /// Makes the folder. Errors: kIo names it.
  static constexpr std::size_t kKept = 2;
  [[nodiscard]] static Result<RoundFiles> open(const std::filesystem::path& folder,
                                               std::size_t kept = kKept);

  /// Durable when it returns (write_file_atomic). Files of later rounds, which were rolled back, go
  /// before it; then what complete() has kept, and all but the newest `kept`.
  [[nodiscard]] Status save(RoundId round, std::string_view bytes);

  /// Rounds that have a file, newest first.
  [[nodiscard]] std::vector<RoundId> rounds() const;
  [[nodiscard]] Result<std::string> read(RoundId round) const;
  /// What complete() has kept. Errors: kIo, also where there is nothing.
  [[nodiscard]] Result<std::string> read_complete() const;
  [[nodiscard]] std::filesystem::path path(RoundId round) const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  /// Renames a damaged file to *.damaged, where a person may look at it.
  void quarantine(RoundId round) const;
  void remove(RoundId round) const;
  /// Once all is over: the newest file stays as complete_path(), which is none of a round; those
  /// before it go first, so that a crash on the way leaves that one.
  void complete() const;
  [[nodiscard]] std::filesystem::path complete_path() const;

 private:
  RoundFiles(std::filesystem::path folder, std::size_t kept)
      : folder_(std::move(folder)), kept_(kept) {}
  std::filesystem::path folder_;
  std::size_t kept_;
};

/// The newest file that is sound and wanted. `decode(bytes, name)` gives a Result<T>; a file that
/// it refuses, or that can't be read, is quarantined and told to `on_damaged(Error)`. One that
/// `wants` refuses is removed.
template <typename T, typename Decode, typename Wants, typename OnDamaged>
[[nodiscard]] std::optional<T> newest_sound(const RoundFiles& files,
                                            const Decode& decode,
                                            const Wants& wants,
                                            const OnDamaged& on_damaged) {
  for (const auto round : files.rounds()) {
    const auto bytes = files.read(round);
    Result<T> file = bytes ? decode(*bytes, files.path(round).string())
                           : Result<T>(tl::unexpected(bytes.error()));
    if (!file) {
      on_damaged(file.error());
      files.quarantine(round);
    } else if (wants(*file)) {
      return std::move(*file);
    } else {
      files.remove(round);
    }
  }
  return std::nullopt;
}

}  // namespace genesis::federation
