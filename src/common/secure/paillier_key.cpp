// How Paillier keys are made, checked and written down.
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "common/base/check.hpp"
#include "common/secure/paillier.hpp"
#include "common/secure/paillier_numbers.hpp"

namespace genesis::secure {
namespace {

constexpr std::string_view kFirstLine = "genesis-paillier-key v2";
constexpr std::size_t kMaxKeyFile = 4096;
constexpr BN_ULONG kSieve = 8192;  // candidates are divided by the primes below before all else

tl::unexpected<Error> bad_key(std::string_view what) {
  ERR_clear_error();
  return fail(Errc::kInvalidArgument, "Paillier key: " + std::string(what));
}

bool is_prime(const Big& value, const BigContext& context) {
  return BN_check_prime(value.get(), context.get(), nullptr) == 1;
}

Big inverse(const Big& value, const Big& modulus, const BigContext& context) {
  Big result = big();
  GENESIS_CHECK(BN_mod_inverse(result.get(), value.get(), modulus.get(), context.get()) != nullptr,
                "the primes are distinct");
  return result;
}

// Numbers of a prime that has passed the checks.
struct Factor {
  Big p;
  Big alpha;
  Big cofactor;  // 2 beta
};

crypto::Secret secret_of(const Big& value) {
  return crypto::Secret(bytes_of(value, static_cast<std::size_t>(BN_num_bytes(value.get()))));
}

std::vector<BN_ULONG> odd_primes() {
  std::vector<BN_ULONG> primes;
  for (BN_ULONG candidate = 3; candidate < kSieve; candidate += 2) {
    const bool divisible =
        std::ranges::any_of(primes, [&](BN_ULONG prime) { return candidate % prime == 0; });
    if (!divisible) {
      primes.push_back(candidate);
    }
  }
  return primes;
}

// A prime p = 2 alpha beta + 1 of `bits` bits, of which the two highest are set, with alpha and
// beta prime: beta is drawn once, and alpha until p is prime, which costs little since alpha is
// short.
PaillierFactor draw_factor(int bits, int alpha_bits, const BigContext& context) {
  static const std::vector<BN_ULONG> kPrimes = odd_primes();
  const Big beta = big();
  done(BN_generate_prime_ex(beta.get(), bits - alpha_bits - 1, 0, nullptr, nullptr, nullptr));
  std::vector<BN_ULONG> beta_rests;
  for (const BN_ULONG prime : kPrimes) {
    beta_rests.push_back(BN_mod_word(beta.get(), prime));
  }
  const Big alpha = big();
  const Big p = big();
  const auto has_small_factor = [&] {
    for (std::size_t i = 0; i < kPrimes.size(); ++i) {
      const BN_ULONG prime = kPrimes[i];
      const BN_ULONG rest = BN_mod_word(alpha.get(), prime);
      if (rest == 0 || (2 * rest * beta_rests[i] + 1) % prime == 0) {
        return true;
      }
    }
    return false;
  };
  while (true) {
    done(BN_priv_rand_ex(
        alpha.get(), alpha_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD, 0, context.get()));
    done(BN_mul(p.get(), alpha.get(), beta.get(), context.get()));
    done(BN_lshift1(p.get(), p.get()));
    done(BN_add_word(p.get(), 1));
    if (BN_num_bits(p.get()) == bits && BN_is_bit_set(p.get(), bits - 2) == 1 &&
        !has_small_factor() && is_prime(alpha, context) && is_prime(p, context)) {
      return {.p = secret_of(p), .alpha = secret_of(alpha)};
    }
  }
}

// Sizes first: what else there is to check takes long for long numbers.
Result<Factor> checked(const PaillierFactor& factor,
                       unsigned alpha_bits,
                       const BigContext& context) {
  Factor result{.p = big_from(factor.p.reveal()),
                .alpha = big_from(factor.alpha.reveal()),
                .cofactor = big()};
  if (BN_num_bits(result.alpha.get()) != static_cast<int>(alpha_bits)) {
    return bad_key("each alpha of a key of this size has " + std::to_string(alpha_bits) + " bits");
  }
  const Big p_minus_1 = copy_of(result.p);
  done(BN_sub_word(p_minus_1.get(), 1));
  const Big rest = big();
  done(BN_div(
      result.cofactor.get(), rest.get(), p_minus_1.get(), result.alpha.get(), context.get()));
  if (BN_is_zero(rest.get()) != 1 || BN_is_odd(result.cofactor.get()) == 1) {
    return bad_key("an alpha does not divide (p - 1) / 2");
  }
  const Big beta = big();
  done(BN_rshift1(beta.get(), result.cofactor.get()));
  if (!is_prime(result.alpha, context) || !is_prime(result.p, context) ||
      !is_prime(beta, context)) {
    return bad_key("p, alpha and (p - 1) / (2 alpha) must be primes, as this program makes them");
  }
  return result;
}

PaillierPrime prime_of(Factor factor, const Big& n, const BigContext& context) {
  PaillierPrime prime;
  prime.p = std::move(factor.p);
  prime.alpha = std::move(factor.alpha);
  prime.cofactor = std::move(factor.cofactor);
  for (const Big* secret : {&prime.p, &prime.alpha, &prime.cofactor}) {
    BN_set_flags(secret->get(), BN_FLG_CONSTTIME);
  }
  prime.p_squared = squared(prime.p, context);
  BN_set_flags(prime.p_squared.get(), BN_FLG_CONSTTIME);
  prime.by_p = montgomery_of(prime.p, context);
  prime.by_p_squared = montgomery_of(prime.p_squared, context);
  const Big n_plus_1 = copy_of(n);
  done(BN_add_word(n_plus_1.get(), 1));
  const auto scaled = logarithm(n_plus_1, prime, context);
  GENESIS_CHECK(scaled.has_value(), "1 + n is 1 modulo p");
  prime.scale = inverse(*scaled, prime.p, context);
  return prime;
}

// A line of `text` without its end; takes it off.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Result<crypto::Secret> hex_number(std::string_view line, std::string_view name) {
  const bool is_hex = !line.empty() && line.size() <= kMaxPaillierBits / 8 &&
                      line.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_hex) {
    return bad_key(std::string(name) + " is not in hexadecimal digits");
  }
  std::string terminated(line);
  BIGNUM* value = nullptr;
  GENESIS_CHECK(BN_hex2bn(&value, terminated.c_str()) > 0, "no memory for a number");
  OPENSSL_cleanse(terminated.data(), terminated.size());
  return secret_of(Big(value));
}

}  // namespace

unsigned paillier_alpha_bits(unsigned bits) {
  if (bits <= 3072) {
    return 256;
  }
  if (bits <= 4096) {
    return 320;
  }
  return bits <= 6144 ? 384 : 448;
}

Result<PaillierKey> PaillierKey::generate(unsigned bits) {
  GENESIS_RETURN_IF_ERROR(check_paillier_bits(bits));
  const BigContext context = big_context();
  const int half = static_cast<int>(bits / 2);
  const auto alpha_bits = static_cast<int>(paillier_alpha_bits(bits));
  const PaillierFactor p = draw_factor(half, alpha_bits, context);
  return from_factors(p, draw_factor(half, alpha_bits, context));
}

Result<PaillierKey> PaillierKey::from_factors(const PaillierFactor& first,
                                              const PaillierFactor& second) {
  const BigContext context = big_context();
  const Big n = big();
  {
    const Big p = big_from(first.p.reveal());
    const Big q = big_from(second.p.reveal());
    const int half = BN_num_bits(p.get());
    if (half > static_cast<int>(kMaxPaillierBits) / 2 || BN_num_bits(q.get()) != half ||
        BN_cmp(p.get(), q.get()) == 0) {
      return bad_key("p and q must be two primes of one size");
    }
    done(BN_mul(n.get(), p.get(), q.get(), context.get()));
    // Another factor in common would divide n - 1.
    done(BN_sub_word(p.get(), 1));
    done(BN_sub_word(q.get(), 1));
    const Big common = big();
    done(BN_gcd(common.get(), p.get(), q.get(), context.get()));
    if (BN_is_word(common.get(), 2) != 1) {
      return bad_key("p - 1 and q - 1 must have 2 in common, and nothing else");
    }
  }
  const auto bits = static_cast<unsigned>(BN_num_bits(n.get()));
  GENESIS_RETURN_IF_ERROR(check_paillier_bits(bits));
  GENESIS_ASSIGN(Factor p, checked(first, paillier_alpha_bits(bits), context));
  GENESIS_ASSIGN(Factor q, checked(second, paillier_alpha_bits(bits), context));
  PaillierKey key;
  const auto n_bytes = static_cast<std::size_t>(BN_num_bytes(n.get()));
  GENESIS_ASSIGN(key.public_, PaillierPublicKey::from_modulus(bytes_of(n, n_bytes)));
  auto numbers = std::make_shared<Numbers>();
  numbers->p = prime_of(std::move(p), n, context);
  numbers->q = prime_of(std::move(q), n, context);
  numbers->p_inverse = inverse(numbers->p.p, numbers->q.p, context);
  numbers->p_squared_inverse = inverse(numbers->p.p_squared, numbers->q.p_squared, context);
  key.numbers_ = std::move(numbers);
  return key;
}

Result<PaillierKey> PaillierKey::parse(const crypto::Secret& text) {
  std::string_view rest = text.reveal();
  if (rest.size() > kMaxKeyFile || take_line(rest) != kFirstLine) {
    return bad_key("not a key file of this version; its first line must be \"" +
                   std::string(kFirstLine) + "\"; make a new one with genesis keys paillier");
  }
  PaillierFactor p;
  PaillierFactor q;
  GENESIS_ASSIGN(p.p, hex_number(take_line(rest), "p"));
  GENESIS_ASSIGN(q.p, hex_number(take_line(rest), "q"));
  GENESIS_ASSIGN(p.alpha, hex_number(take_line(rest), "the alpha of p"));
  GENESIS_ASSIGN(q.alpha, hex_number(take_line(rest), "the alpha of q"));
  if (!rest.empty()) {
    return bad_key("more than five lines");
  }
  return from_factors(p, q);
}

crypto::Secret PaillierKey::text() const {
  std::string text;
  text.reserve(kMaxKeyFile);  // no copy of a part is left behind
  text += kFirstLine;
  text += '\n';
  const auto& [p, q] = std::tie(numbers_->p, numbers_->q);
  for (const Big* number : {&p.p, &q.p, &p.alpha, &q.alpha}) {
    char* hex = BN_bn2hex(number->get());
    GENESIS_CHECK(hex != nullptr, "no memory for a key");
    for (const char* digit = hex; *digit != '\0'; ++digit) {
      text += static_cast<char>(*digit >= 'A' && *digit <= 'F' ? *digit - 'A' + 'a' : *digit);
    }
    text += '\n';
    OPENSSL_clear_free(hex, 2 * static_cast<std::size_t>(BN_num_bytes(number->get())));
  }
  return crypto::Secret(std::move(text));
}

}  // namespace genesis::secure
