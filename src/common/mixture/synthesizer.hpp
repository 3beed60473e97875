#pragma once
// A released mixture, opened.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/synthesizer.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::mixture {

/// Errors: kInvalidArgument names the document that is wrong.
[[nodiscard]] Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file);

}  // namespace genesis::mixture
