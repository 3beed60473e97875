#pragma once
// All methods, at a site and at whoever opens a model: a new one is one line in the table.
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/error.hpp"
#include "common/method/site_method.hpp"
#include "common/method/synthesizer.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::methods {

struct SiteEntry {
  std::string_view name;  // spec.model.method, and "method" in a model file's "model" document
  Result<std::unique_ptr<method::SiteMethod>> (*make)(method::SiteSetup setup);
  Result<std::unique_ptr<method::Synthesizer>> (*open)(const wire::ModelFile& file);
  /// Rows that a batch must be a multiple of; null where any number will do.
  std::int64_t (*batch_multiple)(const spec::Model& model) = nullptr;
};

/// A function of its own, so that a program that links another definition has other methods.
[[nodiscard]] std::span<const SiteEntry> site_methods();

}  // namespace genesis::methods
