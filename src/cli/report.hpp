#pragma once
// How commands report a failure.
#include <iostream>

#include "common/base/error.hpp"
#include "common/base/exit_code.hpp"
#include "common/command_line/flags.hpp"

namespace genesis::cli {

inline int complain(const char* command, const Error& error) {
  std::cerr << "genesis " << command << ": " << command_line::describe(error) << "\n";
  return kExitFailure;
}

}  // namespace genesis::cli
