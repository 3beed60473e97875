#pragma once
// Whether the content of an update may be folded at all. Pure.
#include <cstdint>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {

/// `rows`: those that its client joined with. Errors: kInvalidArgument says what is wrong: its row
/// count, names or shapes other than `global`'s, or a value that no sane training gives.
[[nodiscard]] Status check_update(const wire::Update& update,
                                  std::uint64_t rows,
                                  const Tensors& global);

}  // namespace genesis::aggregator
