#pragma once
// Rows that stand for a large table, the same ones every time.
#include <cstddef>
#include <string_view>
#include <vector>

namespace genesis::quality {

/// `most` distinct rows out of `rows`, sorted, each as likely as any other; all where there are no
/// more. `purpose` names the stream of random numbers.
[[nodiscard]] std::vector<std::size_t> draw_rows(std::size_t rows,
                                                 std::size_t most,
                                                 std::string_view purpose);

}  // namespace genesis::quality
