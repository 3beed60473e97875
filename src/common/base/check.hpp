#pragma once
// Broken invariants end the process at once, with the place and the reason: going on would train or
// release something wrong. Never for bad input, which gets an Error.
#include <string_view>

namespace genesis {
[[noreturn]] void check_failed(std::string_view condition,
                               std::string_view why,
                               std::string_view file,
                               int line);
}  // namespace genesis

#define GENESIS_CHECK(condition, why)                                 \
  do {                                                                \
    if (!(condition)) {                                               \
      ::genesis::check_failed(#condition, (why), __FILE__, __LINE__); \
    }                                                                 \
  } while (false)
