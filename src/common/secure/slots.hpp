#pragma once
// Several words of a sum in one plaintext of Paillier: M = sum over i of v_i 2^(s i), with v_i the
// word's value with its sign and s = word_bits; a negative M stands as n + M. Sums of the v_i stay
// within (-2^(s-1), 2^(s-1)) by the head-room of the words (sum_format.hpp), so that no slot runs
// into the next; k = floor((bits of n - 1) / s) slots keep M within (-n / 2, n / 2). Pure.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/secret.hpp"
#include "common/secure/paillier.hpp"
#include "common/secure/words.hpp"

namespace genesis::secure {

class SlotFormat {
 public:
  /// `word_bits` in [2, kMaxWordBits].
  SlotFormat(const PaillierPublicKey& key, unsigned word_bits);

  [[nodiscard]] std::size_t slots() const { return slots_; }
  /// Plaintexts of `words` words; the last may have slots without a word.
  [[nodiscard]] std::size_t plaintexts(std::size_t words) const {
    return (words + slots_ - 1) / slots_;
  }

  /// Words below 2^word_bits, as plaintexts in [0, n).
  [[nodiscard]] std::vector<crypto::Secret> pack(std::span<const std::uint64_t> words) const;
  /// The first `words` words of plaintexts(words) of them. Errors: kDataLoss where a plaintext is
  /// no sum of packed words, or a slot without a word is not zero: a member has broken its bound,
  /// or has encrypted something else.
  [[nodiscard]] Result<Words> unpack(std::span<const crypto::Secret> plaintexts,
                                     std::size_t words) const;

 private:
  std::string modulus_;
  unsigned word_bits_;
  std::size_t slots_;
};

}  // namespace genesis::secure
