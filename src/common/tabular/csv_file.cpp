#include "common/tabular/csv_file.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <zlib.h>

namespace genesis::tabular {
namespace {

struct Close {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using File = std::unique_ptr<std::remove_pointer_t<gzFile>, Close>;

Status read_failure(const std::string& name, gzFile file) {
  int code = Z_OK;
  const std::string text = gzerror(file, &code);
  if (code == Z_ERRNO) {
    return fail(Errc::kIo, name + ": " + std::generic_category().message(errno));
  }
  if (code == Z_BUF_ERROR) {
    return fail(Errc::kDataLoss, name + ": the gzip data ends early; copy the file again");
  }
  return fail(Errc::kDataLoss, name + ": damaged gzip data; copy the file again (" + text + ")");
}

}  // namespace

Status read_in_pieces(const std::filesystem::path& path,
                      const std::function<Status(std::string_view)>& take) {
  const std::string name = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(Errc::kInvalidArgument, name + ": is a folder, not a CSV file");
  }
  errno = 0;
  const File file(gzopen(name.c_str(), "rb"));
  if (!file) {
    const int cause = errno;
    return fail(
        cause == ENOENT ? Errc::kNotFound : Errc::kIo,
        name + ": " +
            (cause == 0 ? std::string("no memory") : std::generic_category().message(cause)));
  }
  constexpr unsigned kPiece = 1U << 17;
  gzbuffer(file.get(), kPiece);
  std::vector<char> piece(kPiece);
  bool first = true;
  while (true) {
    const int got = gzread(file.get(), piece.data(), kPiece);
    if (first && path.extension() == ".gz" && gzdirect(file.get()) != 0) {
      return fail(Errc::kDataLoss, name + ": is not a gzip file, though it is called .gz");
    }
    first = false;
    if (got > 0) {
      GENESIS_RETURN_IF_ERROR(take({piece.data(), static_cast<std::size_t>(got)}));
    }
    if (got < static_cast<int>(kPiece)) {
      int code = Z_OK;
      gzerror(file.get(), &code);
      return got < 0 || code != Z_OK ? read_failure(name, file.get()) : Status{};
    }
  }
}

}  // namespace genesis::tabular
