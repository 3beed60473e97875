#pragma once
// How a site reads its table: what the spec says of all sites' and of this one's, as tabular wants
// it. Used wherever rows are read for a training.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/spec/federated_training.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::method {

/// The declared columns, and those that are made beside censored ones.
[[nodiscard]] std::vector<tabular::Declaration> declarations(const spec::TableSpec& table);

struct TableReading {
  std::vector<tabular::Declaration> declarations;
  std::vector<std::string> discrete_columns;
  tabular::Dialect dialect;
  std::optional<std::vector<std::string>> missing_values;
  std::vector<std::string> ignored_columns;
  bool lenient = false;

  /// A view of this.
  [[nodiscard]] tabular::ReadOptions options() const;
};

/// `participant` is the site's name; one that the spec does not name has the table's csv alone.
[[nodiscard]] TableReading table_reading(const spec::FederatedTraining& training,
                                         std::string_view participant);

}  // namespace genesis::method
