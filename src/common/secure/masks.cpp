#include "common/secure/masks.hpp"

#include <algorithm>
#include <vector>

#include <openssl/crypto.h>

#include "common/secure/codec.hpp"

namespace genesis::secure {
namespace {

constexpr std::size_t kBlockWords = 4096;  // of a stream at a time: stays in the first cache

template <typename Lane>
void apply_lanes(std::span<std::uint64_t> words, Prg& prg, Sign sign) {
  std::vector<Lane> stream(std::min(words.size(), kBlockWords));
  while (!words.empty()) {
    const std::size_t count = std::min(words.size(), kBlockWords);
    prg.fill(std::as_writable_bytes(std::span(stream).first(count)));
    if (sign == Sign::kPlus) {
      for (std::size_t i = 0; i < count; ++i) {
        words[i] += stream[i];
      }
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        words[i] -= stream[i];
      }
    }
    words = words.subspan(count);
  }
  OPENSSL_cleanse(stream.data(), stream.size() * sizeof(Lane));
}

}  // namespace

Result<crypto::Secret> pair_mask_key(std::string_view context,
                                     const crypto::Secret& private_key,
                                     std::string_view other_public_key,
                                     Place a,
                                     Place b) {
  GENESIS_ASSIGN(const auto shared, agree(private_key, other_public_key));
  Writer info;
  info.raw(labelled("pair mask", context)).number(std::min(a, b), 2).number(std::max(a, b), 2);
  return derive(shared, info.bytes());
}

crypto::Secret self_mask_key(std::string_view context, Place member, const crypto::Secret& seed) {
  Writer info;
  info.raw(labelled("self mask", context)).number(member, 2);
  return derive(seed, info.bytes());
}

void apply_mask(std::span<std::uint64_t> words,
                unsigned bits,
                const crypto::Secret& key,
                Sign sign) {
  Prg prg(key);
  if (bits <= 32) {
    apply_lanes<std::uint32_t>(words, prg, sign);
  } else {
    apply_lanes<std::uint64_t>(words, prg, sign);
  }
}

}  // namespace genesis::secure
