#include "common/tabular/csv_file.hpp"

#include <filesystem>
#include <fstream>

#include <unistd.h>
#include <zlib.h>

#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() / ("tabular-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string gzip(std::string text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(text.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Long enough that cuts fall into the header, the data and the checksum.
std::string some_csv() {
  std::string text = "a,b\n";
  for (int i = 0; i < 200; ++i) {
    text += std::to_string(i * i % 1009) + "," + std::to_string(i) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("tabular: plain and gzip files read alike, whatever their name", "[tabular]") {
  const Folder folder;
  const auto expected = table_of(some_csv());
  for (const auto& path :
       {folder.write("plain.csv", some_csv()),
        folder.write("packed.csv.gz", gzip(some_csv())),
        folder.write("packed.csv", gzip(some_csv())),
        folder.write("two.csv.gz", gzip("a,b\n") + gzip(some_csv().substr(4)))}) {
    INFO(path);
    CHECK(same_table(ok(read_csv(path)), expected));
  }
}

TEST_CASE("tabular: a gzip file that is cut anywhere is refused by name", "[tabular]") {
  const Folder folder;
  const std::string packed = gzip(some_csv());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    INFO("cut to " << size << " of " << packed.size() << " bytes");
    const auto path = folder.write("cut.csv.gz", std::string_view(packed).substr(0, size));
    CHECK_THAT(error_of(read_csv(path)), ContainsSubstring("cut.csv.gz"));
  }
}

TEST_CASE("tabular: an altered gzip file is refused by name", "[tabular]") {
  const Folder folder;
  std::string packed = gzip(some_csv());
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x10);
  const auto altered = read_csv(folder.write("altered.csv.gz", packed));
  CHECK_THAT(error_of(altered), ContainsSubstring("altered.csv.gz: damaged gzip data"));
  CHECK(altered.error().code == Errc::kDataLoss);
  const auto plain = read_csv(folder.write("plain.csv.gz", some_csv()));
  CHECK_THAT(error_of(plain), ContainsSubstring("is not a gzip file"));
}

TEST_CASE("tabular: a file that is not there or not a file is named", "[tabular]") {
  const Folder folder;
  const auto absent = read_csv(folder.path() / "absent.csv");
  CHECK_THAT(error_of(absent), ContainsSubstring("absent.csv: No such file"));
  CHECK(absent.error().code == Errc::kNotFound);
  CHECK_THAT(error_of(read_csv(folder.path())), ContainsSubstring("is a folder"));
  CHECK_THAT(error_of(read_csv(folder.write("empty.csv", ""))),
             ContainsSubstring("empty.csv: the file is empty"));
}

TEST_CASE("tabular: errors in a file name it and the line", "[tabular]") {
  const Folder folder;
  const auto path = folder.write("ragged.csv.gz", gzip("a,b\n1,2\n3\n"));
  CHECK(error_of(read_csv(path)) ==
        path.string() +
            ":3: 1 field, the header has 2; correct the line, or remove it if it is no row, such "
            "as a total below the table");
}

TEST_CASE("tabular: reading stops where the taker refuses", "[tabular]") {
  const Folder folder;
  const auto path = folder.write("long.csv", std::string(1 << 20, 'x'));
  int calls = 0;
  const auto status = read_in_pieces(path, [&](std::string_view) -> Status {
    ++calls;
    return fail(Errc::kResourceExhausted, "enough");
  });
  REQUIRE_FALSE(status);
  CHECK(status.error().message == "enough");
  CHECK(calls == 1);
}
