#include "common/secure/paillier_files.hpp"

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/secure/golden_key.hpp"

namespace genesis::secure {

TEST_CASE("secure: key files come back, the private one for its owner alone", "[secure]") {
  const TemporaryFolder folder;
  const auto golden = vectors("paillier.txt");
  const auto key = golden_key();
  const auto keys = folder.path() / "keys";
  REQUIRE(write_paillier_key(keys, key));
  const auto mode = std::filesystem::status(keys / kPaillierKeyFile).permissions();
  CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(read_paillier_key(keys / kPaillierKeyFile)->text() == key.text());
  CHECK(read_paillier_public_key(keys / kPaillierPublicFile)->modulus() == golden.at("n"));
  CHECK(write_paillier_key(keys, key).error().code == Errc::kAlreadyExists);

  // One in the place of the other, and bytes that are neither.
  CHECK_FALSE(read_paillier_key(keys / kPaillierPublicFile));
  CHECK_FALSE(read_paillier_public_key(keys / kPaillierKeyFile));
  CHECK(read_paillier_key(keys / "missing").error().code == Errc::kNotFound);
  for (const char* const text : {"",
                                 "genesis-paillier-public-key v1\n",
                                 "genesis-paillier-public-key v1\nzz\n",
                                 "genesis-paillier-public-key v1\nabc\n"}) {
    REQUIRE(write_file_atomic(keys / "other", text));
    const auto other = read_paillier_public_key(keys / "other");
    REQUIRE_FALSE(other);
    CHECK_THAT(other.error().message, ContainsSubstring("other"));
  }
}

}  // namespace genesis::secure
