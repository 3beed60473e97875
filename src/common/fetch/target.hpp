#pragma once
// A file that comes in parts, over connections that may be lost: what has come is kept beside the
// file under a name that has its digest, is gone on with after a break or in a later run, and takes
// the file's name once it is whole and its digest right. Readable for its owner alone.
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/digest.hpp"
#include "common/fetch/volume.hpp"

namespace genesis::fetch {

class Target {
 public:
  /// Whether `folder` has that very file already. Errors: kIo.
  [[nodiscard]] static Result<bool> is_there(const std::filesystem::path& folder, const File& file);
  /// Goes on with what an earlier run has left. Errors of all: kIo names the file and the cause.
  [[nodiscard]] static Result<Target> open(const std::filesystem::path& folder, const File& file);
  Target(Target&& other) noexcept;
  Target& operator=(Target&&) = delete;
  ~Target();

  /// How many bytes have come.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Errors: also kDataLoss for more than the file has.
  [[nodiscard]] Status write(std::string_view part);
  /// Once it is whole. Errors: also kDataLoss for another digest; then nothing is kept.
  [[nodiscard]] Status finish();

 private:
  Target(const std::filesystem::path& folder, File file);
  Status read_what_is_there();
  File file_;
  std::filesystem::path path_;
  std::filesystem::path part_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  crypto::Sha256 digest_;
};

}  // namespace genesis::fetch
