#include "common/mixture/site.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "common/base/rng.hpp"
#include "common/methods/site_methods.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/synthesizer.hpp"
#include "tests/mixture/noise.hpp"

namespace genesis::mixture {
namespace {

// The same noise for the same query of the same site, so that runs can be compared. Nothing about
// it protects anybody.
class RepeatedNoise final : public NoiseSource {
 public:
  RepeatedNoise(std::uint64_t seed, std::string client) : seed_(seed), client_(std::move(client)) {}

  Status add(const Asked& /*asked*/,
             const Query& query,
             double variance,
             std::span<std::int64_t> counts) override {
    Rng rng(seed_, RoundId{0}, client_, query.purpose);
    for (auto& count : counts) {
      count += std::llround(std::sqrt(variance) * rng.normal());
    }
    return {};
  }
  Result<std::vector<std::string>> names(std::string_view /*column*/,
                                         double /*variance*/,
                                         std::span<const Named> values) override {
    std::vector<std::string> all;
    for (const auto& [name, rows] : values) {
      all.push_back(name);
    }
    return all;
  }

 private:
  std::uint64_t seed_;
  std::string client_;
};

Result<std::unique_ptr<method::SiteMethod>> make_protected(method::SiteSetup setup) {
  const auto protection = test_protection(setup.training);
  auto noise = std::make_unique<RepeatedNoise>(setup.training.seed, setup.client.str());
  return make_site(std::move(setup), SiteProtection{protection, std::move(noise)});
}

}  // namespace
}  // namespace genesis::mixture

// In place of the table of src/common/methods.
std::span<const genesis::methods::SiteEntry> genesis::methods::site_methods() {
  static constexpr std::array kMethods{
      SiteEntry{mixture::kMethod, mixture::make_protected, mixture::open_model}};
  return kMethods;
}
