#pragma once
// How commands report a failure.
#include <iostream>

#include "common/base/error.hpp"

namespace genesis::cli {

inline int complain(const char* command, const Error& error) {
  std::cerr << "genesis " << command << ": " << error.message << "\n";
  return 1;
}

}  // namespace genesis::cli
