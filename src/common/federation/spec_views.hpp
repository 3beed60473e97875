#pragma once
// The spec as the lower libraries want it: they know nothing of specs. Used by aggregator, worker
// and CLI.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/model/parameters.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"
#include "common/wire/quantization.hpp"

namespace genesis::federation {

/// The declared columns, and those that are made beside censored ones.
[[nodiscard]] std::vector<tabular::Declaration> declarations(const spec::TableSpec& table);

/// How a site reads its table: what the spec says of all sites' and of this one's.
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

[[nodiscard]] model::CtganConfig ctgan_config(const spec::Model& model);

/// The "model" document of a model file, and back. Errors: kInvalidArgument names the key.
[[nodiscard]] std::string model_document(const spec::Model& model);
[[nodiscard]] Result<model::CtganConfig> parse_model_document(std::string_view json);

[[nodiscard]] wire::Quantization quantization(spec::Quantization quantization);

/// As Content-Encoding and Accept-Encoding name it; "" for none.
[[nodiscard]] std::string_view content_encoding(spec::Compression compression);

}  // namespace genesis::federation
