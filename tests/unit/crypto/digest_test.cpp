#include "common/crypto/digest.hpp"

#include <array>
#include <string>

#include "tests/support/catch.hpp"

namespace genesis::crypto {

TEST_CASE("crypto: SHA-256 of the examples of FIPS 180-4", "[crypto][golden]") {
  // NIST, "Examples with Intermediate Values": empty, one block, two blocks; and a million times
  // "a".
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("crypto: a digest does not depend on how the bytes are cut", "[crypto]") {
  const std::string bytes = "the rows never leave the site";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::string_view all = bytes;
    CHECK(Sha256().update(all.substr(0, cut)).update(all.substr(cut)).finish_hex() ==
          sha256_hex(bytes));
  }
}

TEST_CASE("crypto: a digest in progress can be moved", "[crypto]") {
  Sha256 first;
  first.update("a");
  Sha256 second = std::move(first);
  second.update("bc");
  CHECK(second.finish_hex() == sha256_hex("abc"));
}

TEST_CASE("crypto: hex keeps leading zeros", "[crypto]") {
  CHECK(to_hex(std::array{std::byte{0}, std::byte{0x0A}, std::byte{0xFF}}) == "000aff");
  CHECK(to_hex({}).empty());
}

TEST_CASE("crypto: HMAC-SHA256 as RFC 4231 has it", "[crypto][golden]") {
  // Test cases 1 and 2.
  CHECK(hmac_sha256_hex(crypto::Secret(std::string(20, '\x0b')), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac_sha256_hex(crypto::Secret(std::string("Jefe")), "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace genesis::crypto
