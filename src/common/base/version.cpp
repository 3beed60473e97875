#include "common/base/version.hpp"

namespace genesis {

std::string_view version() {
  return GENESIS_VERSION;
}

std::string version_line(std::string_view program) {
  return std::string(program) + " " + std::string(version());
}

}  // namespace genesis
