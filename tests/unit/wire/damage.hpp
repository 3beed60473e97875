#pragma once
// Damage that decoders must survive: every truncation and every single bit flip of valid bytes.
#include <cstddef>
#include <string>
#include <string_view>

namespace genesis::wire {

/// Calls check(damaged) with each proper prefix of `bytes`.
template <typename Check>
void for_each_truncation(std::string_view bytes, const Check& check) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own size, so that a sanitizer sees a read beyond it.
    check(std::string(bytes.substr(0, size)));
  }
}

/// Calls check(damaged, byte) with each copy of `bytes` that differs in one bit.
template <typename Check>
void for_each_bit_flip(std::string_view bytes, const Check& check) {
  std::string damaged(bytes);
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      damaged[byte] = static_cast<char>(static_cast<unsigned char>(bytes[byte]) ^ (1U << bit));
      check(damaged, byte);
    }
    damaged[byte] = bytes[byte];
  }
}

}  // namespace genesis::wire
