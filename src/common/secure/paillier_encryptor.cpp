// Uniform elements of the subgroup of n-th residues from tables of two generators, and encryption
// with them.
#include <algorithm>
#include <cstdint>
#include <utility>

#include <openssl/crypto.h>

#include "common/base/check.hpp"
#include "common/secure/paillier_numbers.hpp"
#include "common/secure/parallel.hpp"

namespace genesis::secure {
namespace {

constexpr unsigned kWindow = 6;  // bits of the exponent for each factor
constexpr std::size_t kEntries = std::size_t{1} << kWindow;
constexpr unsigned kExtraBits = 128;  // of exponents: 2^-128 from uniform
constexpr std::size_t kBatch = 32;    // factors that pass a table's row while it is in the cache

// A number of the table's modulus in native words, least significant first.
using Limb = std::uint64_t;

/// g^(d 2^(6 w)) in Montgomery form, for each window w and digit d.
class FixedBase {
 public:
  FixedBase() = default;
  FixedBase(const Big& generator, const PaillierPrime& prime, const BigContext& context)
      : windows_(
            (static_cast<std::size_t>(BN_num_bits(prime.alpha.get())) + kExtraBits + kWindow - 1) /
            kWindow),
        limbs_((static_cast<std::size_t>(BN_num_bytes(prime.p_squared.get())) + 7) / 8),
        entries_(windows_ * kEntries * limbs_),
        one_(big()) {
    const auto& by = prime.by_p_squared;
    done(BN_to_montgomery(one_.get(), BN_value_one(), by.get(), context.get()));
    const Big base = big();
    done(BN_to_montgomery(base.get(), generator.get(), by.get(), context.get()));
    const Big power = big();
    for (std::size_t window = 0; window < windows_; ++window) {
      GENESIS_CHECK(BN_copy(power.get(), one_.get()) != nullptr, "no memory for a number");
      for (std::size_t digit = 0; digit < kEntries; ++digit) {
        auto* entry =
            reinterpret_cast<unsigned char*>(&entries_[(window * kEntries + digit) * limbs_]);
        GENESIS_CHECK(BN_bn2lebinpad(power.get(), entry, static_cast<int>(limbs_ * 8)) > 0,
                      "an entry fits");
        done(BN_mod_mul_montgomery(power.get(), power.get(), base.get(), by.get(), context.get()));
      }
      // After all digits: the next window's base.
      GENESIS_CHECK(BN_copy(base.get(), power.get()) != nullptr, "no memory for a number");
    }
  }
  FixedBase(FixedBase&&) noexcept = default;
  FixedBase& operator=(FixedBase&&) noexcept = default;
  ~FixedBase() {
    if (!entries_.empty()) {
      OPENSSL_cleanse(entries_.data(), entries_.size() * sizeof(Limb));
    }
  }

  [[nodiscard]] std::size_t windows() const { return windows_; }
  [[nodiscard]] const Big& one() const { return one_; }

  // Entry `digit` of a window, read without an access that depends on the digit.
  void select(std::size_t window, unsigned digit, std::vector<Limb>& entry) const {
    std::ranges::fill(entry, Limb{0});
    const Limb* row = &entries_[window * kEntries * limbs_];
    for (std::size_t candidate = 0; candidate < kEntries; ++candidate) {
      const auto differs = static_cast<Limb>(candidate) ^ digit;
      const Limb chosen = ((differs - 1) >> 63U) & ~(differs >> 63U) & 1U;
      const Limb mask = Limb{0} - chosen;
      for (std::size_t i = 0; i < limbs_; ++i) {
        entry[i] |= row[candidate * limbs_ + i] & mask;
      }
    }
  }
  [[nodiscard]] std::size_t limbs() const { return limbs_; }

 private:
  std::size_t windows_ = 0;
  std::size_t limbs_ = 0;
  std::vector<Limb> entries_;
  Big one_;
};

// Windows of an exponent of random bits: 6 bits each from a byte of its own.
void draw_digits(std::span<std::byte> digits, crypto::Entropy& entropy) {
  entropy.fill(digits);
  for (std::byte& digit : digits) {
    digit &= std::byte{kEntries - 1};
  }
}

// An element of order alpha modulo p^2: the lift g^p of g = a^((p - 1) / alpha) modulo p, which has
// that order, for alpha is prime, unless it is 1.
Big generator_of(const PaillierPrime& prime, crypto::Entropy& entropy, const BigContext& context) {
  const auto size = static_cast<std::size_t>(BN_num_bytes(prime.p.get()));
  const Big power = big();
  while (true) {
    std::string bytes(size, '\0');
    entropy.fill(std::as_writable_bytes(std::span(bytes)));
    const Big candidate = big_from(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    if (BN_cmp(candidate.get(), prime.p.get()) >= 0 || BN_is_zero(candidate.get()) == 1) {
      continue;
    }
    done(BN_mod_exp_mont_consttime(power.get(),
                                   candidate.get(),
                                   prime.cofactor.get(),
                                   prime.p.get(),
                                   context.get(),
                                   prime.by_p.get()));
    if (BN_is_one(power.get()) != 1) {
      Big lift = big();
      done(BN_mod_exp_mont_consttime(lift.get(),
                                     power.get(),
                                     prime.p.get(),
                                     prime.p_squared.get(),
                                     context.get(),
                                     prime.by_p_squared.get()));
      return lift;
    }
  }
}

// Powers of the base with the digits of `count` exponents, which stand one after the other.
std::vector<Big> powers(const FixedBase& base,
                        const PaillierPrime& prime,
                        std::span<const std::byte> digits,
                        std::size_t count,
                        const BigContext& context) {
  const auto& by = prime.by_p_squared;
  std::vector<Big> results;
  for (std::size_t i = 0; i < count; ++i) {
    results.push_back(copy_of(base.one()));
  }
  std::vector<Limb> entry(base.limbs());
  const auto* bytes = reinterpret_cast<const unsigned char*>(entry.data());
  const Big factor = big();
  // Window by window, so that a row of the table serves the whole batch from the cache.
  for (std::size_t window = 0; window < base.windows(); ++window) {
    for (std::size_t i = 0; i < count; ++i) {
      base.select(window, std::to_integer<unsigned>(digits[i * base.windows() + window]), entry);
      GENESIS_CHECK(BN_lebin2bn(bytes, static_cast<int>(entry.size() * 8), factor.get()) != nullptr,
                    "no memory for a number");
      done(BN_mod_mul_montgomery(
          results[i].get(), results[i].get(), factor.get(), by.get(), context.get()));
    }
  }
  for (const Big& result : results) {
    done(BN_from_montgomery(result.get(), result.get(), by.get(), context.get()));
  }
  OPENSSL_cleanse(entry.data(), entry.size() * sizeof(Limb));
  return results;
}

}  // namespace

struct PaillierEncryptor::Tables {
  FixedBase p;
  FixedBase q;
};

PaillierEncryptor::PaillierEncryptor(PaillierKey key, crypto::Entropy& entropy)
    : key_(std::move(key)) {
  const BigContext context = big_context();
  const auto& numbers = *key_.numbers_;
  auto tables = std::make_shared<Tables>();
  tables->p = FixedBase(generator_of(numbers.p, entropy, context), numbers.p, context);
  tables->q = FixedBase(generator_of(numbers.q, entropy, context), numbers.q, context);
  tables_ = std::move(tables);
}

std::vector<crypto::Secret> PaillierEncryptor::draw(std::size_t count,
                                                    crypto::Entropy& entropy,
                                                    unsigned threads) const {
  const auto& numbers = *key_.numbers_;
  const std::size_t windows = tables_->p.windows();
  const std::size_t size = key_.public_key().ciphertext_bytes();
  std::vector<std::byte> digits(2 * windows * count);
  draw_digits(digits, entropy);
  std::vector<crypto::Secret> factors(count);
  in_parallel(count, kBatch, threads, [&](std::size_t begin, std::size_t end) {
    const BigContext context = big_context();
    for (std::size_t first = begin; first < end; first += kBatch) {
      const std::size_t batch = std::min(kBatch, end - first);
      const auto all = std::span(digits).subspan(2 * windows * first, 2 * windows * batch);
      const auto by_p = powers(tables_->p, numbers.p, all.first(windows * batch), batch, context);
      const auto by_q = powers(tables_->q, numbers.q, all.last(windows * batch), batch, context);
      for (std::size_t i = 0; i < batch; ++i) {
        const Big factor = join(by_p[i],
                                numbers.p.p_squared,
                                by_q[i],
                                numbers.q.p_squared,
                                numbers.p_squared_inverse,
                                context);
        factors[first + i] = crypto::Secret(bytes_of(factor, size));
      }
    }
  });
  OPENSSL_cleanse(digits.data(), digits.size());
  return factors;
}

Result<std::string> PaillierEncryptor::encrypt(std::span<const crypto::Secret> plaintexts,
                                               std::span<const crypto::Secret> factors) const {
  const auto& numbers = *key_.public_key().numbers_;
  const std::size_t size = key_.public_key().ciphertext_bytes();
  if (factors.size() != plaintexts.size()) {
    return fail(Errc::kInvalidArgument, "each plaintext takes one factor of its own");
  }
  const BigContext context = big_context();
  const Big value = big();
  std::string ciphertexts;
  ciphertexts.reserve(size * plaintexts.size());
  for (std::size_t i = 0; i < plaintexts.size(); ++i) {
    const Big m = big_from(plaintexts[i].reveal());
    const Big rho = big_from(factors[i].reveal());
    if (plaintexts[i].reveal().size() != size / 2 || BN_cmp(m.get(), numbers.n.get()) >= 0 ||
        factors[i].reveal().size() != size || BN_cmp(rho.get(), numbers.n_squared.get()) >= 0) {
      return fail(Errc::kInvalidArgument,
                  "plaintext " + std::to_string(i) + " or its factor is not below n or n^2");
    }
    // (1 + m n) rho = rho + n (m rho mod n) modulo n^2.
    done(BN_mod_mul(value.get(), m.get(), rho.get(), numbers.n.get(), context.get()));
    done(BN_mul(value.get(), value.get(), numbers.n.get(), context.get()));
    done(BN_mod_add(value.get(), value.get(), rho.get(), numbers.n_squared.get(), context.get()));
    ciphertexts += bytes_of(value, size);
  }
  return ciphertexts;
}

}  // namespace genesis::secure
