#include "common/base/check.hpp"

#include <cstdlib>
#include <iostream>

namespace genesis {

void check_failed(std::string_view condition,
                  std::string_view why,
                  std::string_view file,
                  int line) {
  std::cerr << file << ':' << line << ": broken invariant " << condition << ": " << why
            << std::endl;
  std::abort();
}

}  // namespace genesis
