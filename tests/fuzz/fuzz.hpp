#pragma once
// What the fuzz targets share. A target is LLVMFuzzerTestOneInput
// (https://llvm.org/docs/LibFuzzer.html) with statements about what it has read: sanitizers find
// bad accesses, holds() finds wrong answers.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace genesis::fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes the first byte off, as a number.
inline std::uint8_t take_byte(std::string_view& bytes) {
  if (bytes.empty()) {
    return 0;
  }
  const auto first = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return first;
}

inline void holds(bool statement, const char* what) {
  if (!statement) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace genesis::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
