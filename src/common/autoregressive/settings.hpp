#pragma once
// spec.model of the method "autoregressive", and the document that a model file carries of it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::autoregressive {

inline constexpr std::string_view kMethod = "autoregressive";

struct Settings {
  std::int64_t embedding_dim = 12;
  std::int64_t hidden = 128;
  std::int64_t bins = 50;  // of a number, beside single values that many rows have
  double ordered = 0.7;    // share of the batches that take the columns in their order
  std::optional<std::string> target = std::nullopt;  // the last column in the order
  bool operator==(const Settings&) const = default;
};

/// Fields that are absent have the schema's defaults.
[[nodiscard]] Result<Settings> settings_of(const spec::Model& model);

[[nodiscard]] std::string model_document(const Settings& settings);
/// Errors: kInvalidArgument names the key.
[[nodiscard]] Result<Settings> parse_model_document(std::string_view text);

}  // namespace genesis::autoregressive
