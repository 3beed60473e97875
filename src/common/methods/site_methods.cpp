#include "common/methods/site_methods.hpp"

#include <array>

#include "common/ctgan/settings.hpp"
#include "common/ctgan/site.hpp"
#include "common/ctgan/synthesizer.hpp"

namespace genesis::methods {

std::span<const SiteEntry> site_methods() {
  static constexpr std::array kMethods{
      SiteEntry{ctgan::kMethod, ctgan::make_site, ctgan::open_model}};
  return kMethods;
}

}  // namespace genesis::methods
