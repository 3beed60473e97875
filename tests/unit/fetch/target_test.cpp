#include "common/fetch/target.hpp"

#include <fstream>
#include <iterator>

#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;
using namespace genesis::fetch;

namespace {

const std::string kText = "0123456789";

File a_file() {
  return {"synthetic.csv", kText.size(), crypto::sha256_hex(kText)};
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t count(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("fetch: a file has its name only once it is whole", "[fetch]") {
  const TemporaryFolder folder;
  {
    auto target = Target::open(folder.path(), a_file());
    REQUIRE(target);
    REQUIRE(target->write("0123"));
    CHECK_FALSE(std::filesystem::exists(folder.path() / "synthetic.csv"));
  }
  auto again = Target::open(folder.path(), a_file());
  REQUIRE(again);
  CHECK(again->size() == 4);  // of the run before
  REQUIRE(again->write("456789"));
  CHECK(again->write("x").error().code == Errc::kDataLoss);
  REQUIRE(again->finish());
  CHECK(read(folder.path() / "synthetic.csv") == kText);
  CHECK(count(folder.path()) == 1);
  CHECK(*Target::is_there(folder.path(), a_file()));
}

TEST_CASE("fetch: bytes with another digest are not kept, and the file is as it was", "[fetch]") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "synthetic.csv") << "of old";
  CHECK_FALSE(*Target::is_there(folder.path(), a_file()));
  auto target = Target::open(folder.path(), a_file());
  REQUIRE(target);
  REQUIRE(target->write("0123456780"));
  CHECK(target->finish().error().code == Errc::kDataLoss);
  CHECK(read(folder.path() / "synthetic.csv") == "of old");
  CHECK(count(folder.path()) == 1);
}

TEST_CASE("fetch: a part of another content is not gone on with", "[fetch]") {
  const TemporaryFolder folder;
  {
    auto target = Target::open(folder.path(), a_file());
    REQUIRE(target);
    REQUIRE(target->write("0123"));
  }
  const File other{"synthetic.csv", 3, crypto::sha256_hex("abc")};
  auto target = Target::open(folder.path(), other);
  REQUIRE(target);
  CHECK(target->size() == 0);
}

TEST_CASE("fetch: two processes do not write the same file", "[fetch]") {
  const TemporaryFolder folder;
  const auto first = Target::open(folder.path(), a_file());
  REQUIRE(first);
  const auto second = Target::open(folder.path(), a_file());
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, ContainsSubstring("another process"));
}
