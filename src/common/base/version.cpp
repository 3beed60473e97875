#include "common/base/version.hpp"

namespace genesis {

std::string_view version() {
  return GENESIS_VERSION;
}

std::string version_text(std::string_view program) {
  return std::string(program) + " " + std::string(version()) + "\nbuild: " GENESIS_BUILD +
         "\nlibraries: " GENESIS_LIBRARIES;
}

std::string version_text_with_torch(std::string_view program) {
  return version_text(program) + ", LibTorch " GENESIS_TORCH_VERSION;
}

}  // namespace genesis
