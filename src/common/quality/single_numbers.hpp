#pragma once
// Synthetic numbers that single real rows hold. Used by evaluate.
#include <span>
#include <vector>

#include "common/quality/compare.hpp"
#include "common/quality/evaluate.hpp"

namespace genesis::quality {

/// Of each column of numbers or dates: how often synthetic cells, and how often real rows that do
/// not count as known, hold a value that one known real row holds. Numbers coincide by chance, so
/// only the difference tells. Known are all real rows beside held-out ones; without held-out rows
/// every second real row is known and the others stand for them.
[[nodiscard]] std::vector<SingleNumbers> find_single_numbers(
    std::span<const ComparedColumn> columns);

}  // namespace genesis::quality
