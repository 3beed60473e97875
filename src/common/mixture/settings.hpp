#pragma once
// spec.model of the method "mixture", and what follows from the rest of the spec.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::mixture {

inline constexpr std::string_view kMethod = "mixture";

struct Settings {
  std::optional<std::string> target;  // the column that others shall predict
  std::size_t components = 1000;
  std::size_t bins = 16;  // of a number
  // Parts of the privacy budget that go to each column's own counts and to a closer look at some of
  // them; the tables of pairs have the rest.
  double fine_share = 0.08;
  double zoom_share = 0.04;
  /// Columns whose categories the spec leaves to the sites, which then name them under differential
  /// privacy, and the part of the budget that goes to their names.
  std::size_t open_columns = 0;
  double names_share = 0.0;
  bool operator==(const Settings&) const = default;
};

/// Fields that are absent have the defaults above. Errors: kInvalidArgument names the field.
[[nodiscard]] Result<Settings> settings_of(const spec::FederatedTraining& training);

}  // namespace genesis::mixture
