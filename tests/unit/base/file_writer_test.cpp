
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"

namespace genesis {
namespace {

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("genesis-writer-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path file() const { return path_ / "rows.csv"; }
  [[nodiscard]] std::size_t entries() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) {
      ++count;
    }
    return count;
  }

 private:
  std::filesystem::path path_;
};

std::string content(const std::filesystem::path& path) {
  return read_file(path, 1 << 20).value_or("");
}

TEST_CASE("base: a file that is written in pieces appears whole", "[base]") {
  const Folder folder;
  std::ofstream(folder.file()) << "old";
  auto file = FileWriter::create(folder.file()).value();
  REQUIRE(file.write("a,b\n"));
  REQUIRE(file.write("1,2\n"));
  CHECK(content(folder.file()) == "old");
  REQUIRE(file.finish());
  CHECK(content(folder.file()) == "a,b\n1,2\n");
  CHECK(folder.entries() == 1);
}

TEST_CASE("base: a file that is not finished leaves the old one, and nothing else", "[base]") {
  const Folder folder;
  std::ofstream(folder.file()) << "old";
  {
    auto file = FileWriter::create(folder.file()).value();
    REQUIRE(file.write("half"));
    auto moved = std::move(file);
    REQUIRE(moved.write(" of it"));
  }
  CHECK(content(folder.file()) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("base: what is no regular file is written as it comes", "[base]") {
  auto null = FileWriter::create("/dev/null").value();
  REQUIRE(null.write("gone"));
  REQUIRE(null.finish());
  auto full = FileWriter::create("/dev/full").value();
  const auto written = full.write("x");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == Errc::kIo);
  CHECK_THAT(written.error().message, ContainsSubstring("/dev/full"));
}

TEST_CASE("base: a link stays a link, and what it leads to is written", "[base]") {
  const Folder folder;
  const auto target = folder.file();
  std::ofstream(target) << "old";
  const auto link = folder.file().parent_path() / "stdout";  // as /dev/stdout is
  std::filesystem::create_symlink(target, link);
  auto file = FileWriter::create(link).value();
  REQUIRE(file.write("a,b\n"));
  REQUIRE(file.finish());
  CHECK(std::filesystem::is_symlink(link));
  CHECK(content(target) == "a,b\n");
}

TEST_CASE("base: a file keeps its mode", "[base]") {
  const Folder folder;
  std::ofstream(folder.file()) << "old";
  const auto mode = std::filesystem::perms(0640);
  std::filesystem::permissions(folder.file(), mode);
  auto file = FileWriter::create(folder.file()).value();
  REQUIRE(file.write("new"));
  REQUIRE(file.finish());
  CHECK(std::filesystem::status(folder.file()).permissions() == mode);
}

TEST_CASE("base: a file that can't be made is named", "[base]") {
  const auto file = FileWriter::create("/nonexistent/rows.csv");
  REQUIRE_FALSE(file.has_value());
  CHECK_THAT(file.error().message, ContainsSubstring("/nonexistent/rows.csv: cannot be created"));
}

}  // namespace
}  // namespace genesis
