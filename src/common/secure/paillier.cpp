#include "common/secure/paillier.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "common/base/check.hpp"
#include "common/secure/paillier_numbers.hpp"
#include "common/secure/parallel.hpp"

namespace genesis::secure {
namespace {

constexpr std::string_view kFirstLine = "genesis-paillier-key v1";
constexpr std::size_t kMaxKeyFile = 4096;

tl::unexpected<Error> bad_key(std::string_view what) {
  ERR_clear_error();
  return fail(Errc::kInvalidArgument, "Paillier key: " + std::string(what));
}

Status check_bits(unsigned bits) {
  if (bits < kMinPaillierBits || bits > kMaxPaillierBits || bits % 2 != 0) {
    return bad_key(std::to_string(bits) + " bits; it takes an even number from 2048 to 8192");
  }
  return {};
}

bool is_prime(const Big& value, const BigContext& context) {
  return BN_check_prime(value.get(), context.get(), nullptr) == 1;
}

bool is_safe_prime(const Big& value, const BigContext& context) {
  const Big half = big();
  done(BN_rshift1(half.get(), value.get()));
  return BN_is_odd(value.get()) == 1 && is_prime(value, context) && is_prime(half, context);
}

Big squared(const Big& value, const BigContext& context) {
  Big square = big();
  done(BN_sqr(square.get(), value.get(), context.get()));
  return square;
}

Big inverse(const Big& value, const Big& modulus, const BigContext& context) {
  Big result = big();
  GENESIS_CHECK(BN_mod_inverse(result.get(), value.get(), modulus.get(), context.get()) != nullptr,
                "the primes are distinct");
  return result;
}

// (c^(p - 1) mod p^2 - 1) / p, in constant time but for the sizes of numbers.
Big logarithm(const Big& c, const PaillierPrime& prime, const BigContext& context) {
  const Big reduced = big();
  done(BN_nnmod(reduced.get(), c.get(), prime.p_squared.get(), context.get()));
  Big power = big();
  done(BN_mod_exp_mont_consttime(power.get(),
                                 reduced.get(),
                                 prime.p_minus_1.get(),
                                 prime.p_squared.get(),
                                 context.get(),
                                 prime.by_p_squared.get()));
  done(BN_sub_word(power.get(), 1));
  done(BN_div(power.get(), nullptr, power.get(), prime.p.get(), context.get()));
  return power;
}

PaillierPrime prime_of(Big p, const Big& n, const BigContext& context) {
  PaillierPrime prime;
  prime.p = std::move(p);
  BN_set_flags(prime.p.get(), BN_FLG_CONSTTIME);
  prime.p_squared = squared(prime.p, context);
  prime.p_minus_1 = copy_of(prime.p);
  done(BN_sub_word(prime.p_minus_1.get(), 1));
  BN_set_flags(prime.p_minus_1.get(), BN_FLG_CONSTTIME);
  prime.by_p = montgomery_of(prime.p, context);
  prime.by_p_squared = montgomery_of(prime.p_squared, context);
  const Big n_plus_1 = copy_of(n);
  done(BN_add_word(n_plus_1.get(), 1));
  prime.scale = inverse(logarithm(n_plus_1, prime, context), prime.p, context);
  return prime;
}

// A line of `text` without its end; takes it off.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

Result<Big> hex_number(std::string_view line, std::string_view name) {
  const bool is_hex = !line.empty() && line.size() <= kMaxPaillierBits / 8 &&
                      line.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_hex) {
    return bad_key(std::string(name) + " is not in hexadecimal digits");
  }
  std::string terminated(line);
  BIGNUM* value = nullptr;
  GENESIS_CHECK(BN_hex2bn(&value, terminated.c_str()) > 0, "no memory for a number");
  OPENSSL_cleanse(terminated.data(), terminated.size());
  return Big(value);
}

}  // namespace

Big join(const Big& x,
         const Big& a,
         const Big& y,
         const Big& b,
         const Big& a_inverse,
         const BigContext& context) {
  Big result = big();
  done(BN_mod_sub(result.get(), y.get(), x.get(), b.get(), context.get()));
  done(BN_mod_mul(result.get(), result.get(), a_inverse.get(), b.get(), context.get()));
  done(BN_mul(result.get(), result.get(), a.get(), context.get()));
  done(BN_add(result.get(), result.get(), x.get()));
  return result;
}

Result<PaillierPublicKey> PaillierPublicKey::from_modulus(std::string_view modulus) {
  if (modulus.size() > kMaxPaillierBits / 8 || modulus.empty() || modulus.front() == '\0') {
    return bad_key("the modulus has no bytes, leading zeros, or more than 8192 bits");
  }
  Big n = big_from(modulus);
  GENESIS_RETURN_IF_ERROR(check_bits(static_cast<unsigned>(BN_num_bits(n.get()))));
  if (BN_is_odd(n.get()) != 1) {
    return bad_key("the modulus is even");
  }
  const BigContext context = big_context();
  auto numbers = std::make_shared<Numbers>();
  numbers->modulus = modulus;
  numbers->n_squared = squared(n, context);
  numbers->n = std::move(n);
  numbers->by_n_squared = montgomery_of(numbers->n_squared, context);
  PaillierPublicKey key;
  key.numbers_ = std::move(numbers);
  return key;
}

unsigned PaillierPublicKey::bits() const {
  return static_cast<unsigned>(BN_num_bits(numbers_->n.get()));
}

const std::string& PaillierPublicKey::modulus() const {
  return numbers_->modulus;
}

Status PaillierPublicKey::check(std::string_view ciphertexts) const {
  const std::size_t size = ciphertext_bytes();
  if (ciphertexts.size() % size != 0) {
    return fail(Errc::kInvalidArgument,
                "ciphertexts: " + std::to_string(ciphertexts.size()) +
                    " bytes are not whole ciphertexts of " + std::to_string(size));
  }
  for (std::size_t at = 0; at < ciphertexts.size(); at += size) {
    const Big value = big_from(ciphertexts.substr(at, size));
    if (BN_is_zero(value.get()) || BN_cmp(value.get(), numbers_->n_squared.get()) >= 0) {
      return fail(Errc::kInvalidArgument,
                  "ciphertext " + std::to_string(at / size) + " is outside 1 to n^2");
    }
  }
  return {};
}

std::string PaillierPublicKey::add(std::string_view a, std::string_view b) const {
  GENESIS_CHECK(a.size() == b.size(), "ciphertexts are added one by one");
  const std::size_t size = ciphertext_bytes();
  const BigContext context = big_context();
  const Big product = big();
  const auto& by = numbers_->by_n_squared;
  std::string sums;
  sums.reserve(a.size());
  for (std::size_t at = 0; at < a.size(); at += size) {
    const Big x = big_from(a.substr(at, size));
    const Big y = big_from(b.substr(at, size));
    done(BN_to_montgomery(product.get(), x.get(), by.get(), context.get()));
    done(BN_mod_mul_montgomery(product.get(), product.get(), y.get(), by.get(), context.get()));
    sums += bytes_of(product, size);
  }
  return sums;
}

Result<PaillierKey> PaillierKey::generate(unsigned bits) {
  GENESIS_RETURN_IF_ERROR(check_bits(bits));
  const BigContext context = big_context();
  const int half = static_cast<int>(bits / 2);
  const Big p = big();
  const Big q = big();
  const Big n = big();
  // OpenSSL sets the two highest bits of a prime, so that n has all its bits.
  done(BN_generate_prime_ex(p.get(), half, 1, nullptr, nullptr, nullptr));
  do {
    done(BN_generate_prime_ex(q.get(), half, 1, nullptr, nullptr, nullptr));
  } while (BN_cmp(p.get(), q.get()) == 0);
  const std::size_t size = (bits / 2 + 7) / 8;
  return from_primes(crypto::Secret(bytes_of(p, size)), crypto::Secret(bytes_of(q, size)));
}

Result<PaillierKey> PaillierKey::from_primes(const crypto::Secret& p_bytes,
                                             const crypto::Secret& q_bytes) {
  const BigContext context = big_context();
  Big p = big_from(p_bytes.reveal());
  Big q = big_from(q_bytes.reveal());
  const int half = BN_num_bits(p.get());
  if (half > static_cast<int>(kMaxPaillierBits) / 2 || BN_num_bits(q.get()) != half ||
      BN_cmp(p.get(), q.get()) == 0) {
    return bad_key("p and q must be two primes of one size");
  }
  const Big n = big();
  done(BN_mul(n.get(), p.get(), q.get(), context.get()));
  GENESIS_RETURN_IF_ERROR(check_bits(static_cast<unsigned>(BN_num_bits(n.get()))));
  if (!is_safe_prime(p, context) || !is_safe_prime(q, context)) {
    return bad_key("p and q must be safe primes, as this program makes them");
  }
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
    return bad_key("not a key file; its first line must be \"" + std::string(kFirstLine) + "\"");
  }
  GENESIS_ASSIGN(const Big p, hex_number(take_line(rest), "p"));
  GENESIS_ASSIGN(const Big q, hex_number(take_line(rest), "q"));
  if (!rest.empty()) {
    return bad_key("more than three lines");
  }
  const auto bytes = [](const Big& value) {
    return crypto::Secret(bytes_of(value, static_cast<std::size_t>(BN_num_bytes(value.get()))));
  };
  return from_primes(bytes(p), bytes(q));
}

crypto::Secret PaillierKey::text() const {
  std::string text;
  text.reserve(kMaxKeyFile);  // no copy of a part is left behind
  text += kFirstLine;
  text += '\n';
  for (const Big* prime : {&numbers_->p.p, &numbers_->q.p}) {
    char* hex = BN_bn2hex(prime->get());
    GENESIS_CHECK(hex != nullptr, "no memory for a key");
    for (const char* digit = hex; *digit != '\0'; ++digit) {
      text += static_cast<char>(*digit >= 'A' && *digit <= 'F' ? *digit - 'A' + 'a' : *digit);
    }
    text += '\n';
    OPENSSL_clear_free(hex, 2 * static_cast<std::size_t>(BN_num_bytes(prime->get())));
  }
  return crypto::Secret(std::move(text));
}

Result<std::vector<crypto::Secret>> PaillierKey::decrypt(std::string_view ciphertexts,
                                                         unsigned threads) const {
  GENESIS_RETURN_IF_ERROR(public_.check(ciphertexts));
  const std::size_t size = public_.ciphertext_bytes();
  std::vector<crypto::Secret> plaintexts(ciphertexts.size() / size);
  std::atomic<bool> sound = true;
  in_parallel(plaintexts.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
    const BigContext context = big_context();
    const auto half = [&](const Big& c, const PaillierPrime& prime) {
      const Big rest = big();
      done(BN_nnmod(rest.get(), c.get(), prime.p.get(), context.get()));
      if (BN_is_zero(rest.get())) {
        sound = false;
        return big();
      }
      Big value = logarithm(c, prime, context);
      done(BN_mod_mul(value.get(), value.get(), prime.scale.get(), prime.p.get(), context.get()));
      return value;
    };
    for (std::size_t i = begin; i < end && sound; ++i) {
      const Big c = big_from(ciphertexts.substr(i * size, size));
      const Big by_p = half(c, numbers_->p);
      const Big by_q = half(c, numbers_->q);
      const Big m = join(by_p, numbers_->p.p, by_q, numbers_->q.p, numbers_->p_inverse, context);
      plaintexts[i] = crypto::Secret(bytes_of(m, size / 2));
    }
  });
  if (!sound) {
    return fail(Errc::kInvalidArgument, "a ciphertext has a factor with n");
  }
  return plaintexts;
}

}  // namespace genesis::secure
