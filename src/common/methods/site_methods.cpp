#include "common/methods/site_methods.hpp"

#include <array>
#include <optional>
#include <utility>

#include "common/autoregressive/settings.hpp"
#include "common/autoregressive/site.hpp"
#include "common/autoregressive/synthesizer.hpp"
#include "common/ctgan/settings.hpp"
#include "common/ctgan/site.hpp"
#include "common/ctgan/synthesizer.hpp"
#include "common/mixture/ledger_noise.hpp"
#include "common/mixture/privacy_plan.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/site.hpp"
#include "common/mixture/synthesizer.hpp"

namespace genesis::methods {

namespace {

Result<std::unique_ptr<method::SiteMethod>> make_mixture(method::SiteSetup setup) {
  if (!setup.training.privacy.differential_privacy) {
    return mixture::make_site(std::move(setup), std::nullopt);
  }
  if (setup.account == nullptr) {
    return fail(Errc::kFailedPrecondition,
                "privacy.differentialPrivacy: this site has no privacy ledger, so that nothing may "
                "leave it; name a folder for it");
  }
  GENESIS_ASSIGN(const auto protection, mixture::protection_of(setup.training));
  GENESIS_ASSIGN(const auto settings, mixture::settings_of(setup.training));
  auto noise =
      mixture::ledger_noise(setup.account,
                            protection.noisy_sites,
                            mixture::names_delta(settings, setup.account->terms().guarantee));
  return mixture::make_site(std::move(setup),
                            mixture::SiteProtection{protection, std::move(noise)});
}

// CTGAN's discriminator judges so many rows together.
std::int64_t pac_of(const spec::Model& model) {
  const auto settings = ctgan::settings_of(model);
  return settings ? static_cast<std::int64_t>(settings->pac) : 1;
}

}  // namespace

std::span<const SiteEntry> site_methods() {
  static constexpr std::array kMethods{
      SiteEntry{ctgan::kMethod, ctgan::make_site, ctgan::open_model, pac_of},
      SiteEntry{autoregressive::kMethod, autoregressive::make_site, autoregressive::open_model},
      SiteEntry{mixture::kMethod, make_mixture, mixture::open_model}};
  return kMethods;
}

}  // namespace genesis::methods
