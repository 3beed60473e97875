#include "common/crypto/signing.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace genesis::crypto {

TEST_CASE("crypto: Ed25519 signs as RFC 8032 shows", "[crypto][golden]") {
  // RFC 8032, section 7.1, tests 1 and 2.
  const auto first =
      SigningKey::parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  REQUIRE(first);
  CHECK(first->public_key() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  CHECK(first->sign("") ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b");
  const auto second =
      SigningKey::parse("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  REQUIRE(second);
  CHECK(second->public_key() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  CHECK(second->sign("\x72") ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_CASE("crypto: only the key's own signature of the same bytes is one", "[crypto]") {
  SystemEntropy entropy;
  const auto key = SigningKey::random(entropy);
  const auto other = SigningKey::random(entropy);
  const std::string signature = key.sign("a head");
  CHECK(is_signed(key.public_key(), "a head", signature));
  CHECK_FALSE(is_signed(key.public_key(), "a heap", signature));
  CHECK_FALSE(is_signed(other.public_key(), "a head", signature));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string altered = signature;
    altered[i] = altered[i] == '0' ? '1' : '0';
    INFO("digit " << i);
    CHECK_FALSE(is_signed(key.public_key(), "a head", altered));
  }
  for (const std::string wrong : {"", "00", "xyz"}) {
    CHECK_FALSE(is_signed(key.public_key(), "a head", wrong));
    CHECK_FALSE(is_signed(wrong, "a head", signature));
    CHECK_FALSE(SigningKey::parse(wrong));
  }
  CHECK_FALSE(is_signed(key.public_key(), "a head", signature + "00"));
}

TEST_CASE("crypto: a signing key is read back as it was written", "[crypto]") {
  SystemEntropy entropy;
  const auto key = SigningKey::random(entropy);
  const auto read = SigningKey::parse(key.text().reveal());
  REQUIRE(read);
  CHECK(read->public_key() == key.public_key());
  CHECK(read->sign("x") == key.sign("x"));
  CHECK(SigningKey::random(entropy).public_key() != key.public_key());
}

}  // namespace genesis::crypto
