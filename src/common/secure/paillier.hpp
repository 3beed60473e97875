#pragma once
// Paillier's cryptosystem (Paillier 1999, "Public-key cryptosystems based on composite degree
// residuosity classes") with g = 1 + n: the product of ciphertexts is a ciphertext of the sum.
// Who has no private key can add, nothing else; the sites have it, the aggregator never.
//
// Security: 3,072 bits are 128-bit security (SP 800-57); fewer than 2,048 are refused. A ciphertext
// is (1 + m n) rho mod n^2 with rho uniform among the n-th residues, so that the security is that
// of the original scheme (decisional composite residuosity), with no assumption on short exponents:
// whoever encrypts has p and q, draws rho modulo p^2 and q^2 as a power of a generator with an
// exponent 128 bits longer than the group's order (2^-128 from uniform), and joins the two. The
// powers come from tables of the generators' own, of which entries are chosen in constant time;
// that is what makes it fast. p and q are safe primes, so that generators are known to be such.
#include <cstddef>
#include <cstdint>
#include <memory>
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

/// p and q. Cheap to copy; threads may share it.
class PaillierKey {
 public:
  /// A new key from OpenSSL's generator; some 10 to 60 seconds for 3,072 bits. Errors:
  /// kInvalidArgument for bits outside [2048, 8192] or odd ones.
  [[nodiscard]] static Result<PaillierKey> generate(unsigned bits);
  /// Errors: kInvalidArgument where `text` is no key file, p and q are not safe primes of one size,
  /// or n has fewer than 2,048 bits.
  [[nodiscard]] static Result<PaillierKey> parse(const crypto::Secret& text);
  /// The key file: a line "genesis-paillier-key v1", then p and q in hexadecimal.
  [[nodiscard]] crypto::Secret text() const;
  /// The same from its primes, big-endian.
  [[nodiscard]] static Result<PaillierKey> from_primes(const crypto::Secret& p,
                                                       const crypto::Secret& q);

  [[nodiscard]] const PaillierPublicKey& public_key() const { return public_; }

  /// Plaintexts are integers in [0, n), big-endian, of as many bytes as n. Errors: kInvalidArgument
  /// for ciphertexts that do not pass check(), or have a factor with n.
  [[nodiscard]] Result<std::vector<crypto::Secret>> decrypt(std::string_view ciphertexts,
                                                            unsigned threads = 1) const;

 private:
  friend class PaillierEncryptor;
  struct Numbers;
  PaillierPublicKey public_;
  std::shared_ptr<const Numbers> numbers_;  // constant, shared by copies
};

/// Encrypts for sums, with tables of some 14 MB for 3,072 bits. Threads may share it.
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
