#include "common/federation/round_files.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::federation;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "genesis-rounds-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

// Files hold a word; "damaged" is none.
std::optional<std::string> newest(const RoundFiles& files,
                                  const std::string& unwanted,
                                  std::vector<std::string>& damaged) {
  return newest_sound<std::string>(
      files,
      [](const std::string& bytes, const std::string& name) -> Result<std::string> {
        if (bytes == "damaged") {
          return fail(Errc::kDataLoss, name);
        }
        return bytes;
      },
      [&](const std::string& word) { return word != unwanted; },
      [&](const Error& error) { damaged.push_back(error.message); });
}

}  // namespace

TEST_CASE("federation: the newest file that is sound and wanted is taken", "[federation]") {
  const Folder folder;
  auto files = *RoundFiles::open(folder.path / "states");
  std::vector<std::string> damaged;
  CHECK_FALSE(newest(files, "", damaged));
  REQUIRE(files.save(RoundId{1}, "first"));
  REQUIRE(files.save(RoundId{2}, "second"));
  CHECK(newest(files, "", damaged) == "second");
  CHECK(newest(files, "second", damaged) == "first");
  CHECK(files.rounds() == std::vector<RoundId>{RoundId{1}});  // the unwanted one is removed
  REQUIRE(files.save(RoundId{3}, "damaged"));
  CHECK(newest(files, "", damaged) == "first");
  REQUIRE(damaged.size() == 1);
  CHECK(damaged[0] == files.path(RoundId{3}).string());
  CHECK(std::filesystem::exists(damaged[0] + ".damaged"));
}

TEST_CASE("federation: of a training that is over the newest file stays, and is none of a round",
          "[federation]") {
  const Folder folder;
  auto files = *RoundFiles::open(folder.path / "states");
  files.complete();  // of nothing
  CHECK_FALSE(files.read_complete());
  REQUIRE(files.save(RoundId{1}, "first"));
  REQUIRE(files.save(RoundId{2}, "second"));
  files.complete();
  CHECK(files.rounds().empty());
  CHECK(files.read_complete() == "second");
  REQUIRE(files.save(RoundId{3}, "third"));
  CHECK_FALSE(files.read_complete());  // of the training before
  files.complete();
  CHECK(files.read_complete() == "third");
}
