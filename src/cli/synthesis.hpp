#pragma once
// From a model file to synthetic rows.
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/model/ctgan.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::cli {

struct LoadedModel {
  tabular::Encoder encoder;
  model::Sampler sampler;
};

/// Errors: kDataLoss for a cut or altered file, kInvalidArgument for one that is no model of ours.
[[nodiscard]] Result<LoadedModel> load_model(const std::filesystem::path& path);

struct Condition {
  std::string column;
  std::string value;
};

/// Writes `rows` synthetic rows as CSV. Every condition holds in every row. The rows depend on
/// model, seed and conditions alone. Errors: kInvalidArgument names the column or value, kIo.
[[nodiscard]] Status generate(const LoadedModel& model,
                              std::uint64_t rows,
                              std::uint64_t seed,
                              const std::vector<Condition>& conditions,
                              const std::filesystem::path& output);

}  // namespace genesis::cli
