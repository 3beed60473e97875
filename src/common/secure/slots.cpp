#include "common/secure/slots.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include <openssl/crypto.h>

#include "common/base/check.hpp"
#include "common/secure/bignum.hpp"

namespace genesis::secure {
namespace {

// sum over the slots of 2^(s - 1) 2^(s i): what makes every slot non-negative.
Big offset_of(std::size_t slots, unsigned word_bits) {
  Big offset = big();
  for (std::size_t i = 0; i < slots; ++i) {
    done(BN_set_bit(offset.get(), static_cast<int>(i * word_bits + word_bits - 1)));
  }
  return offset;
}

}  // namespace

SlotFormat::SlotFormat(const PaillierPublicKey& key, unsigned word_bits)
    : modulus_(key.modulus()), word_bits_(word_bits), slots_((key.bits() - 1) / word_bits) {
  GENESIS_CHECK(word_bits >= 2 && word_bits <= kMaxWordBits, "checked by SumFormat");
}

std::vector<crypto::Secret> SlotFormat::pack(std::span<const std::uint64_t> words) const {
  const BigContext context = big_context();
  const Big n = big_from(modulus_);
  const Big offset = offset_of(slots_, word_bits_);
  const std::uint64_t sign = std::uint64_t{1} << (word_bits_ - 1);
  std::vector<crypto::Secret> plaintexts;
  plaintexts.reserve(this->plaintexts(words.size()));
  Words shifted;
  for (std::size_t first = 0; first < words.size(); first += slots_) {
    const auto part = words.subspan(first, std::min(slots_, words.size() - first));
    // Each value plus 2^(s - 1), modulo 2^s: its sign bit turned round.
    shifted.assign(slots_, sign);
    std::ranges::transform(part, shifted.begin(), [&](std::uint64_t word) { return word ^ sign; });
    std::string bytes = secure::pack(shifted, word_bits_);
    std::ranges::reverse(bytes);
    const Big value = big_from(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    done(BN_mod_sub(value.get(), value.get(), offset.get(), n.get(), context.get()));
    plaintexts.emplace_back(bytes_of(value, modulus_.size()));
  }
  OPENSSL_cleanse(shifted.data(), shifted.size() * sizeof(shifted[0]));
  return plaintexts;
}

Result<Words> SlotFormat::unpack(std::span<const crypto::Secret> plaintexts,
                                 std::size_t words) const {
  GENESIS_CHECK(plaintexts.size() == this->plaintexts(words), "as many as the words take");
  const auto spoilt = [](std::size_t plaintext) {
    return fail(Errc::kDataLoss,
                "plaintext " + std::to_string(plaintext) +
                    " is no sum of packed words: at least one member has broken its bound, and the "
                    "sum does not tell which");
  };
  const BigContext context = big_context();
  const Big n = big_from(modulus_);
  const Big offset = offset_of(slots_, word_bits_);
  const std::uint64_t sign = std::uint64_t{1} << (word_bits_ - 1);
  const std::size_t bytes_needed = packed_bytes(slots_, word_bits_);
  Words all;
  all.reserve(plaintexts.size() * slots_);
  for (std::size_t i = 0; i < plaintexts.size(); ++i) {
    const Big value = big_from(plaintexts[i].reveal());
    if (BN_cmp(value.get(), n.get()) >= 0) {
      return spoilt(i);
    }
    done(BN_mod_add(value.get(), value.get(), offset.get(), n.get(), context.get()));
    if (static_cast<std::size_t>(BN_num_bits(value.get())) > slots_ * word_bits_) {
      return spoilt(i);
    }
    std::string bytes = bytes_of(value, bytes_needed);
    std::ranges::reverse(bytes);
    const auto slots = secure::unpack(bytes, slots_, word_bits_);
    if (!slots) {
      return spoilt(i);
    }
    std::ranges::transform(
        *slots, std::back_inserter(all), [&](std::uint64_t slot) { return slot ^ sign; });
  }
  if (std::any_of(all.begin() + static_cast<std::ptrdiff_t>(words), all.end(), [](auto word) {
        return word != 0;
      })) {
    return spoilt(plaintexts.size() - 1);
  }
  all.resize(words);
  return all;
}

}  // namespace genesis::secure
