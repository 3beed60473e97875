#pragma once
// Rows out of a fitted mixture. A row draws a component, then each column's bin in that component,
// then a value in the bin from the column's own distribution. What is asked of columns holds
// exactly and without rejection: components are drawn by their probability given that it holds.
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/rng.hpp"
#include "common/mixture/model.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

/// The units that a column's value must be one of.
struct Allowed {
  std::size_t column = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> units;  // first and last; sorted, disjoint
  bool missing = false;
  bool operator==(const Allowed&) const = default;
};

/// Draws one of n values by two table look-ups (Walker 1977; Vose 1991).
class AliasTable {
 public:
  AliasTable() = default;
  /// `weights` are not negative; where all are 0, each is as likely.
  explicit AliasTable(std::span<const double> weights);

  [[nodiscard]] std::uint32_t draw(std::uint64_t random) const {
    const auto& slot = slots_[((random >> 32U) * slots_.size()) >> 32U];
    return static_cast<std::uint32_t>(random) < slot.threshold ? slot.own : slot.other;
  }

 private:
  struct Slot {
    std::uint32_t threshold = 0;
    std::uint32_t own = 0;
    std::uint32_t other = 0;
  };
  std::vector<Slot> slots_;
};

class Sampler {
 public:
  static constexpr std::size_t kBlockRows = 4096;

  explicit Sampler(Model model);

  [[nodiscard]] const Schema& schema() const { return model_.schema; }

  /// Whether cells of the column may be missing in rows.
  [[nodiscard]] bool has_missing(std::size_t column) const {
    return model_.schema[column].is_counted() && model_.binnings[column].missing.has_value();
  }

  /// Rows of block number `block`, the first `rows` of kBlockRows; at most one entry of `allowed` a
  /// column. Errors: kInvalidArgument where a column's allowed units are none of its domain.
  [[nodiscard]] Result<tabular::Table> block(std::uint64_t seed,
                                             std::uint64_t block,
                                             std::size_t rows,
                                             std::span<const Allowed> allowed) const;

  /// A cell with a value, whichever it is.
  static constexpr std::uint64_t kSomeUnit = kNoUnit - 1;
  /// Rows of block number `block` of which some units are known: known[column][row], or kSomeUnit,
  /// or kNoUnit; the last two are drawn given the others. With `is_filled` no cell is missing, in
  /// columns that have values.
  [[nodiscard]] tabular::Table complete(std::uint64_t seed,
                                        std::uint64_t block,
                                        std::vector<std::vector<std::uint64_t>> known,
                                        bool is_filled) const;

 private:
  // How a column is drawn.
  struct Drawer {
    std::uint32_t bins = 0;
    std::vector<std::uint32_t> thresholds;  // of (component, bin)
    std::vector<std::uint16_t> others;
    std::vector<Atom> atoms;                // bin after bin
    std::vector<std::uint32_t> first_atom;  // of each bin, then their number
    std::vector<AliasTable> in_bin;         // draws an atom of a bin
    std::uint32_t missing = 0xFFFFFFFF;     // the bin of missing values
  };

  [[nodiscard]] Drawer drawer(std::size_t column,
                              const Allowed* allowed,
                              std::vector<double>* likelihood) const;
  [[nodiscard]] Status check(const Allowed& allowed) const;
  [[nodiscard]] std::vector<std::uint32_t> components_of(
      const std::vector<std::vector<std::uint64_t>>& known, Rng& rng) const;
  static std::uint64_t draw_unit(const Drawer& drawer, std::uint32_t component, Rng& draws);

  Model model_;
  std::vector<Drawer> drawers_;  // of every column, where nothing is asked of it
};

}  // namespace genesis::mixture
