#include "common/methods/server_methods.hpp"

#include <array>
#include <optional>

#include "common/autoregressive/private_plan.hpp"
#include "common/autoregressive/server.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/ctgan/server.hpp"
#include "common/ctgan/settings.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/mixture/server.hpp"
#include "common/mixture/settings.hpp"

namespace genesis::methods {

namespace {

Result<std::unique_ptr<method::ServerMethod>> make_mixture(
    const spec::FederatedTraining& training) {
  if (!training.privacy.differential_privacy) {
    return mixture::make_server(training, std::nullopt);
  }
  GENESIS_ASSIGN(const auto protection, mixture::protection_of(training));
  return mixture::make_server(training, protection);
}

}  // namespace

std::span<const ServerEntry> server_methods() {
  static constexpr std::array kMethods{
      ServerEntry{ctgan::kMethod,
                  ctgan::make_server,
                  autoregressive::query_plan,
                  autoregressive::plans_if_declared},
      ServerEntry{autoregressive::kMethod,
                  autoregressive::make_server,
                  autoregressive::query_plan,
                  autoregressive::plans_if_declared},
      ServerEntry{mixture::kMethod, make_mixture, mixture::query_plan, mixture::plans_if_declared}};
  return kMethods;
}

}  // namespace genesis::methods
