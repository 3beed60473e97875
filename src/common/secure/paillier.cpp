#include "common/secure/paillier.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "common/base/check.hpp"
#include "common/secure/paillier_numbers.hpp"
#include "common/secure/parallel.hpp"

namespace genesis::secure {
namespace {

tl::unexpected<Error> bad_modulus(std::string_view what) {
  return fail(Errc::kInvalidArgument, "Paillier key: " + std::string(what));
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

Big squared(const Big& value, const BigContext& context) {
  Big square = big();
  done(BN_sqr(square.get(), value.get(), context.get()));
  return square;
}

Status check_paillier_bits(unsigned bits) {
  if (bits < kMinPaillierBits || bits > kMaxPaillierBits || bits % 2 != 0) {
    return bad_modulus(std::to_string(bits) + " bits; it takes an even number from 2048 to 8192");
  }
  return {};
}

Result<Big> logarithm(const Big& c, const PaillierPrime& prime, const BigContext& context) {
  const Big reduced = big();
  done(BN_nnmod(reduced.get(), c.get(), prime.p_squared.get(), context.get()));
  Big power = big();
  done(BN_mod_exp_mont_consttime(power.get(),
                                 reduced.get(),
                                 prime.alpha.get(),
                                 prime.p_squared.get(),
                                 context.get(),
                                 prime.by_p_squared.get()));
  done(BN_sub_word(power.get(), 1));
  Big quotient = big();
  const Big rest = big();
  done(BN_div(quotient.get(), rest.get(), power.get(), prime.p.get(), context.get()));
  if (BN_is_zero(rest.get()) != 1) {
    return fail(Errc::kInvalidArgument, "a ciphertext is not one of this key");
  }
  return quotient;
}

Result<PaillierPublicKey> PaillierPublicKey::from_modulus(std::string_view modulus) {
  if (modulus.size() > kMaxPaillierBits / 8 || modulus.empty() || modulus.front() == '\0') {
    return bad_modulus("the modulus has no bytes, leading zeros, or more than 8192 bits");
  }
  Big n = big_from(modulus);
  GENESIS_RETURN_IF_ERROR(check_paillier_bits(static_cast<unsigned>(BN_num_bits(n.get()))));
  if (BN_is_odd(n.get()) != 1) {
    return bad_modulus("the modulus is even");
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

Result<std::vector<crypto::Secret>> PaillierKey::decrypt(std::string_view ciphertexts,
                                                         unsigned threads) const {
  GENESIS_RETURN_IF_ERROR(public_.check(ciphertexts));
  const std::size_t size = public_.ciphertext_bytes();
  std::vector<crypto::Secret> plaintexts(ciphertexts.size() / size);
  std::atomic<bool> sound = true;
  in_parallel(plaintexts.size(), 1, threads, [&](std::size_t begin, std::size_t end) {
    const BigContext context = big_context();
    const auto half = [&](const Big& c, const PaillierPrime& prime) {
      auto value = logarithm(c, prime, context);
      if (!value) {
        sound = false;
        return big();
      }
      done(BN_mod_mul(value->get(), value->get(), prime.scale.get(), prime.p.get(), context.get()));
      return *std::move(value);
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
    return fail(Errc::kInvalidArgument, "a ciphertext is not one of this key");
  }
  return plaintexts;
}

}  // namespace genesis::secure
