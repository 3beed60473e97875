#include "common/mixture/server.hpp"

#include <array>

#include "common/methods/server_methods.hpp"
#include "common/mixture/settings.hpp"
#include "tests/mixture/noise.hpp"

namespace genesis::mixture {
namespace {

Result<std::unique_ptr<method::ServerMethod>> make_protected(
    const spec::FederatedTraining& training) {
  return make_server(training, test_protection(training));
}

}  // namespace
}  // namespace genesis::mixture

// In place of the table of src/common/methods.
std::span<const genesis::methods::ServerEntry> genesis::methods::server_methods() {
  static constexpr std::array kMethods{ServerEntry{mixture::kMethod, mixture::make_protected}};
  return kMethods;
}
