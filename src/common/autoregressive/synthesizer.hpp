#pragma once
// A released model, opened: its sampler and its discretizer.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/synthesizer.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::autoregressive {

/// Errors: kInvalidArgument names the document that is wrong.
[[nodiscard]] Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file);

}  // namespace genesis::autoregressive
