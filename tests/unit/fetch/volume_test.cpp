#include "common/fetch/volume.hpp"

#include <fstream>

#include "common/crypto/digest.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;
using namespace genesis::fetch;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("fetch: the list names what a training has left, with sizes and digests", "[fetch]") {
  const TemporaryFolder folder;
  write(folder.path() / "synthetic.csv", "a,b\n1,2\n");
  write(folder.path() / "model.safetensors", std::string(600000, 'm'));
  write(folder.path() / "checkpoint.bin", "not for people");
  const auto files = list_files(folder.path());
  REQUIRE(files);
  CHECK(*files == std::vector<File>{
                      {"model.safetensors", 600000, crypto::sha256_hex(std::string(600000, 'm'))},
                      {"synthetic.csv", 8, crypto::sha256_hex("a,b\n1,2\n")}});
  CHECK(decode_files(encode(*files)) == *files);
}

TEST_CASE("fetch: a link in the place of a file is not followed", "[fetch]") {
  const TemporaryFolder folder;
  write(folder.path() / "secret", "of others");
  std::filesystem::create_symlink("secret", folder.path() / "synthetic.csv");
  CHECK(list_files(folder.path()).error().code == Errc::kIo);
  CHECK_FALSE(
      send_file(folder.path(), "synthetic.csv", 0, [](std::string_view) -> Status { return {}; }));
}

TEST_CASE("fetch: a file is sent from any offset, and no other file is", "[fetch]") {
  const TemporaryFolder folder;
  write(folder.path() / "synthetic.csv", "0123456789");
  write(folder.path() / "other", "x");
  std::string got;
  const Sink keep = [&got](std::string_view part) -> Status {
    got += part;
    return {};
  };
  REQUIRE(send_file(folder.path(), "synthetic.csv", 4, keep));
  CHECK(got == "456789");
  REQUIRE(send_file(folder.path(), "synthetic.csv", 10, keep));
  CHECK(got == "456789");
  CHECK(send_file(folder.path(), "synthetic.csv", 11, keep).error().code == Errc::kInvalidArgument);
  CHECK(send_file(folder.path(), "model-card.md", 0, keep).error().code == Errc::kNotFound);
  CHECK(send_file(folder.path(), "other", 0, keep).error().code == Errc::kInvalidArgument);
  CHECK(send_file(folder.path(), "../other", 0, keep).error().code == Errc::kInvalidArgument);
}

TEST_CASE("fetch: a list that encode cannot have made is refused", "[fetch]") {
  for (
      const char* text :
      {"",
       "{}",
       "[1]",
       R"([{"name":"model.safetensors","bytes":1,"sha256":"00"}])",
       R"([{"name":"../x","bytes":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}])",
       R"([{"name":"model.safetensors","bytes":-1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}])"}) {
    CHECK(decode_files(text).error().code == Errc::kDataLoss);
  }
}
