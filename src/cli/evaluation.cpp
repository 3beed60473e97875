#include "cli/evaluation.hpp"

namespace genesis::cli {
Result<quality::Report> evaluate_files(const tabular::Table& real,
                                       const std::filesystem::path& synthetic,
                                       const std::filesystem::path& holdout,
                                       const quality::Judging& judging) {
  GENESIS_ASSIGN(const auto rows, quality::read_beside(synthetic, real));
  if (holdout.empty()) {
    return quality::evaluate(real, rows, nullptr, judging);
  }
  GENESIS_ASSIGN(const auto held_out, quality::read_beside(holdout, real));
  return quality::evaluate(real, rows, &held_out, judging);
}

}  // namespace genesis::cli
