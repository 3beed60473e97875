#include "common/methods/server_methods.hpp"

#include <array>

#include "common/ctgan/server.hpp"
#include "common/ctgan/settings.hpp"

namespace genesis::methods {

std::span<const ServerEntry> server_methods() {
  static constexpr std::array kMethods{ServerEntry{ctgan::kMethod, ctgan::make_server}};
  return kMethods;
}

}  // namespace genesis::methods
