#pragma once
// Paillier's cryptosystem (Paillier 1999, "Public-key cryptosystems based on composite degree
// residuosity classes") with g = 1 + n: the product of ciphertexts is a ciphertext of the sum.
// Who has no private key can add, nothing else; the sites have it, the aggregator never.
//
// Each prime is p = 2 alpha beta + 1 with alpha and beta prime, alpha short, and a ciphertext is
// (1 + m n) rho mod n^2 with rho in the subgroup of order alpha_p alpha_q of the n-th residues. So
// m falls out of c^alpha_p mod p^2 and c^alpha_q mod q^2, with exponents a sixth as long as those
// of p - 1 and q - 1: Paillier's scheme 3 (1999, section 6), with primes as in Ma, Han and Lei
// 2021, "Optimized Paillier's cryptosystem with fast encryption and decryption" (ACSAC).
//
// Security: 3,072 bits are 128-bit security (SP 800-57); fewer than 2,048 are refused. Uniform rho
// of the whole group would need decisional composite residuosity alone. The subgroup adds that its
// elements modulo n can't be told from uniform squares (the decisional RSA subgroup assumption,
// Groth, TCC 2005), of which the best known attacks take 2^(bits of alpha / 2) steps (Coron, Joux,
// Mandal, Naccache and Tibouchi, PKC 2011) or factor n: hence paillier_alpha_bits. That beta is
// prime leaves p - 1 no small factor but 2. Exponents are not short within the subgroup: whoever
// encrypts has p and q, draws rho modulo p^2 and q^2 as a power of a generator with an exponent 128
// bits longer than alpha (2^-128 from uniform), and joins the two. No generator is published, nor
// is in a key file: each site draws its own. The powers come from tables, of which entries are
// chosen in constant time; that is what makes encryption fast.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/crypto/secret.hpp"

namespace genesis::secure {

inline constexpr unsigned kMinPaillierBits = 2048;
inline constexpr unsigned kDefaultPaillierBits = 3072;
inline constexpr unsigned kMaxPaillierBits = 8192;

/// The size of the key to make for privacy.secureAggregation.keyBits, which is any number from
/// 2,048 to 8,192: a modulus is the product of two primes of one size, so an odd number is rounded
/// up.
[[nodiscard]] constexpr unsigned paillier_bits(std::optional<std::int64_t> key_bits) {
  const auto asked = static_cast<unsigned>(key_bits.value_or(kDefaultPaillierBits));
  return asked + asked % 2;
}

/// The modulus n, which is all that adding takes. Cheap to copy; threads may share it.
class PaillierPublicKey {
 public:
  /// `modulus` is big-endian. Errors: kInvalidArgument for one of fewer than 2,048 or more than
  /// 8,192 bits, an even one, or leading zeros.
  [[nodiscard]] static Result<PaillierPublicKey> from_modulus(std::string_view modulus);

  [[nodiscard]] unsigned bits() const;
  [[nodiscard]] const std::string& modulus() const;
  /// Of each ciphertext: twice as many as n has.
  [[nodiscard]] std::size_t ciphertext_bytes() const { return 2 * modulus().size(); }

  /// Errors: kInvalidArgument unless `ciphertexts` are whole ones, each in [1, n^2).
  [[nodiscard]] Status check(std::string_view ciphertexts) const;
  /// The ciphertexts of the sums, one by one; both have passed check() and are of one size.
  [[nodiscard]] std::string add(std::string_view a, std::string_view b) const;

 private:
  friend class PaillierKey;
  friend class PaillierEncryptor;
  struct Numbers;
  std::shared_ptr<const Numbers> numbers_;  // constant, shared by copies
};

/// Bits of each alpha in a key whose modulus has `bits`: at least twice the security strengths of
/// 128, 152, 176 and 200 that SP 800-56B rev. 2 gives moduli of 3,072, 4,096, 6,144 and 8,192 bits.
[[nodiscard]] unsigned paillier_alpha_bits(unsigned bits);

/// One prime of a modulus and its alpha, big-endian.
struct PaillierFactor {
  crypto::Secret p;
  crypto::Secret alpha;
};

/// p, q and their alphas. Cheap to copy; threads may share it.
class PaillierKey {
 public:
  /// A new key from OpenSSL's generator; a few seconds for 3,072 bits. Errors: kInvalidArgument for
  /// bits outside [2048, 8192] or odd ones.
  [[nodiscard]] static Result<PaillierKey> generate(unsigned bits);
  /// Errors: kInvalidArgument where `text` is no key file, and those of from_factors.
  [[nodiscard]] static Result<PaillierKey> parse(const crypto::Secret& text);
  /// The key file: a line "genesis-paillier-key v2", then p, q and the alphas of p and of q in
  /// hexadecimal.
  [[nodiscard]] crypto::Secret text() const;
  /// Errors: kInvalidArgument where p and q are not two primes of one size, n has fewer than 2,048
  /// bits, an alpha has other than paillier_alpha_bits, is no prime or does not divide p - 1, a
  /// (p - 1) / (2 alpha) is no prime, or p - 1 and q - 1 have more in common than 2.
  [[nodiscard]] static Result<PaillierKey> from_factors(const PaillierFactor& p,
                                                        const PaillierFactor& q);

  [[nodiscard]] const PaillierPublicKey& public_key() const { return public_; }

  /// Plaintexts are integers in [0, n), big-endian, of as many bytes as n. Errors: kInvalidArgument
  /// for ciphertexts that do not pass check(), have a factor with n, or have factors rho that are
  /// not of the subgroup.
  [[nodiscard]] Result<std::vector<crypto::Secret>> decrypt(std::string_view ciphertexts,
                                                            unsigned threads = 1) const;

 private:
  friend class PaillierEncryptor;
  struct Numbers;
  PaillierPublicKey public_;
  std::shared_ptr<const Numbers> numbers_;  // constant, shared by copies
};

/// Encrypts for sums, with tables of some 3 MB for 3,072 bits. Threads may share it.
class PaillierEncryptor {
 public:
  /// Makes the tables; `entropy` draws the generators.
  PaillierEncryptor(PaillierKey key, crypto::Entropy& entropy);

  /// `count` factors rho, drawn ahead: each is for one ciphertext, and as secret as its plaintext.
  [[nodiscard]] std::vector<crypto::Secret> draw(std::size_t count,
                                                 crypto::Entropy& entropy,
                                                 unsigned threads = 1) const;
  /// Encrypts plaintexts in [0, n) (big-endian, of as many bytes as n) with factors of draw().
  /// Errors: kInvalidArgument for another number of factors, or a plaintext outside.
  [[nodiscard]] Result<std::string> encrypt(std::span<const crypto::Secret> plaintexts,
                                            std::span<const crypto::Secret> factors) const;

 private:
  struct Tables;
  PaillierKey key_;
  std::shared_ptr<const Tables> tables_;  // constant, shared by copies
};

}  // namespace genesis::secure
