#include "common/quality/draw.hpp"

#include "common/base/ids.hpp"
#include "common/base/rng.hpp"

namespace genesis::quality {

std::vector<std::size_t> draw_rows(std::size_t rows, std::size_t most, std::string_view purpose) {
  // Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
  std::vector<std::size_t> drawn;
  Rng rng(0, RoundId{}, "", purpose);
  std::size_t wanted = most < rows ? most : rows;
  for (std::size_t row = 0; wanted > 0; ++row) {
    if (wanted == rows - row || rng.below(rows - row) < wanted) {
      drawn.push_back(row);
      --wanted;
    }
  }
  return drawn;
}

}  // namespace genesis::quality
