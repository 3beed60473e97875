#include "genesis/row_file.hpp"

#include <limits>
#include <string>
#include <utility>

#include <zlib.h>
#include <zstd.h>

#include "common/base/file.hpp"

namespace genesis {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;

}  // namespace

// Gives what it makes of `bytes` to `file`.
class RowFile::Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  virtual ~Encoder() = default;
  virtual Status encode(std::string_view bytes, bool is_last, FileWriter& file) = 0;
};

class RowFile::Gzip final : public Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> create() {
    auto made = std::make_unique<Gzip>();
    constexpr int kGzipWindow = 16 + MAX_WBITS;  // a gzip header, which has no time in it
    if (deflateInit2(&made->stream_,
                     Z_DEFAULT_COMPRESSION,
                     Z_DEFLATED,
                     kGzipWindow,
                     8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      return fail(Errc::kResourceExhausted, "gzip: no memory to compress");
    }
    return made;
  }
  ~Gzip() override { deflateEnd(&stream_); }

  Status encode(std::string_view bytes, bool is_last, FileWriter& file) override {
    // zlib counts in 32 bits and takes its input without const.
    do {
      const auto part = bytes.substr(0, std::numeric_limits<uInt>::max() / 2);
      bytes.remove_prefix(part.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_.avail_in = static_cast<uInt>(part.size());
      const int flush = is_last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH;
      do {
        stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
        stream_.avail_out = static_cast<uInt>(piece_.size());
        deflate(&stream_, flush);
        GENESIS_RETURN_IF_ERROR(
            file.write(std::string_view(piece_).substr(0, piece_.size() - stream_.avail_out)));
      } while (stream_.avail_out == 0);
    } while (!bytes.empty());
    return {};
  }

 private:
  z_stream stream_{};
  std::string piece_ = std::string(kPiece, '\0');
};

class RowFile::Zstd final : public Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> create() {
    auto made = std::make_unique<Zstd>();
    if (!made->context_) {
      return fail(Errc::kResourceExhausted, "zstd: no memory to compress");
    }
    return made;
  }

  Status encode(std::string_view bytes, bool is_last, FileWriter& file) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (true) {
      ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
      const auto left =
          ZSTD_compressStream2(context_.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0U) {
        return fail(Errc::kResourceExhausted, std::string("zstd: ") + ZSTD_getErrorName(left));
      }
      GENESIS_RETURN_IF_ERROR(file.write(std::string_view(piece_).substr(0, out.pos)));
      const bool is_done = is_last ? left == 0 : in.pos == in.size && out.pos < out.size;
      if (is_done) {
        return {};
      }
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
  std::string piece_ = std::string(kPiece, '\0');
};

struct RowFile::Impl {
  FileWriter file;
  std::unique_ptr<Encoder> encoder;  // null: bytes as they are
};

RowFile::RowFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RowFile::RowFile(RowFile&&) noexcept = default;
RowFile& RowFile::operator=(RowFile&&) noexcept = default;
RowFile::~RowFile() = default;

Result<RowFile> RowFile::create(const std::filesystem::path& path) {
  std::unique_ptr<Encoder> encoder;
  if (path.extension() == ".gz") {
    GENESIS_ASSIGN(encoder, Gzip::create());
  } else if (path.extension() == ".zst") {
    GENESIS_ASSIGN(encoder, Zstd::create());
  }
  GENESIS_ASSIGN(auto file, FileWriter::create(path));
  return RowFile(std::make_unique<Impl>(Impl{std::move(file), std::move(encoder)}));
}

Status RowFile::write(std::string_view bytes) {
  return impl_->encoder ? impl_->encoder->encode(bytes, false, impl_->file)
                        : impl_->file.write(bytes);
}

Status RowFile::finish() {
  if (impl_->encoder) {
    GENESIS_RETURN_IF_ERROR(impl_->encoder->encode("", true, impl_->file));
  }
  return impl_->file.finish();
}

}  // namespace genesis
