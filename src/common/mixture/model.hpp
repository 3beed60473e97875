#pragma once
// A fitted mixture as a value, and its form in a model file: the components' shares as one tensor,
// columns, distributions and bins as the "encoder" document. Pure.
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/mixture/bins.hpp"
#include "common/mixture/fit.hpp"
#include "common/mixture/marginals.hpp"
#include "common/mixture/schema.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::mixture {

struct Model {
  Schema schema;  // every number and date has bounds
  Marginals marginals;
  Binnings binnings;
  Components components;
  // Pairs of columns whose tables it was fitted to, and that there are.
  std::size_t pairs = 0;
  std::size_t all_pairs = 0;
};

[[nodiscard]] wire::ModelFile to_file(const Model& model, const std::string& provenance);

/// Errors: kInvalidArgument names the document that is wrong.
[[nodiscard]] Result<Model> from_file(const wire::ModelFile& file);

}  // namespace genesis::mixture
