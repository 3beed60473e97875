#include "common/secure/primitives.hpp"

#include "tests/unit/secure/parties.hpp"
#include "tests/unit/secure/vectors.hpp"

namespace genesis::secure {
namespace {

crypto::Secret secret(std::string_view hex) {
  return crypto::Secret(unhex(hex));
}

}  // namespace

TEST_CASE("secure: X25519 is that of RFC 7748, section 6.1", "[secure]") {
  const auto bob = secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  CHECK(public_key_of(bob) ==
        unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
  const auto alice = unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  CHECK(agree(bob, alice).value() ==
        secret("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
}

TEST_CASE("secure: points of low order are refused", "[secure]") {
  ScriptedEntropy entropy(1);
  const auto key = random_key(entropy);
  // All of order 1, 2, 4 and 8, in their canonical and one other form (Bernstein, "Curve25519").
  for (const std::string_view point :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    CAPTURE(point);
    CHECK_FALSE(agree(key, unhex(point)));
  }
  CHECK_FALSE(agree(key, "short"));
}

TEST_CASE("secure: keys that are derived differ by purpose and key", "[secure]") {
  ScriptedEntropy entropy(2);
  const auto first = random_key(entropy);
  const auto second = random_key(entropy);
  CHECK(derive(first, "a") == derive(first, "a"));
  CHECK_FALSE(derive(first, "a") == derive(first, "b"));
  CHECK_FALSE(derive(first, "a") == derive(second, "a"));
}

TEST_CASE("secure: the generator's stream does not depend on how it is cut", "[secure]") {
  ScriptedEntropy entropy(3);
  const auto key = random_key(entropy);
  std::string whole(1000, '\0');
  Prg(key).fill(std::as_writable_bytes(std::span(whole)));
  std::string parts(1000, '\0');
  Prg prg(key);
  for (std::size_t at = 0; at < 1000; at += 40) {
    prg.fill(std::as_writable_bytes(std::span(parts).subspan(at, 40)));
  }
  CHECK(parts == whole);
}

TEST_CASE("secure: what is sealed opens with its key and purpose alone", "[secure]") {
  ScriptedEntropy entropy(4);
  const auto key = random_key(entropy);
  const auto plain = random_key(entropy);
  const std::string sealed = seal(key, "for b", plain);
  CHECK(unseal(key, "for b", sealed).value() == plain);
  CHECK_FALSE(unseal(random_key(entropy), "for b", sealed));
  CHECK_FALSE(unseal(key, "for c", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    CHECK_FALSE(unseal(key, "for b", altered));
    CHECK_FALSE(unseal(key, "for b", sealed.substr(0, i)));
  }
}

TEST_CASE("secure: a signature is of one key over one text", "[secure]") {
  const Signer& signer = signer_of(0);
  const std::string signature = signer.sign("text");
  CHECK(verify(signer.public_key(), "text", signature));
  CHECK(verify(signer.public_key(), "Text", signature).error().code == Errc::kUnauthenticated);
  CHECK_FALSE(verify(signer_of(1).public_key(), "text", signature));
  CHECK_FALSE(verify(signer.public_key(), "text", ""));
  CHECK_FALSE(verify("no key", "text", signature));
  CHECK_FALSE(verify(signer.public_key() + "x", "text", signature));
  CHECK_FALSE(Signer::from_pem(crypto::Secret(std::string_view("no key"))));
  CHECK_FALSE(public_key_of_certificate("no certificate"));
}

}  // namespace genesis::secure
