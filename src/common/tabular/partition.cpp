#include "common/tabular/partition.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/base/check.hpp"

namespace genesis::tabular {
namespace {

constexpr std::uint64_t kSiteShare = 1024;  // of a site's values, for a cut
constexpr std::uint64_t kShare = 512;       // of all sites' values
constexpr std::uint64_t kLeast = 8;
constexpr double kLargest = 1e300;
constexpr double kSmallest = 1e-300;

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// Doubles in order as whole numbers in order, the same distances on both sides of zero.
std::uint64_t key_of(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  return (bits & kSign) != 0 ? kSign - (bits ^ kSign) : kSign + bits;
}

double value_of(std::uint64_t key) {
  if (key == 0) {
    return -std::numeric_limits<double>::infinity();
  }
  return std::bit_cast<double>(key >= kSign ? key - kSign : kSign | (kSign - key));
}

// Keys first to first + 2^height - 1, first a multiple of 2^height.
struct Node {
  std::uint64_t first = 0;
  int height = 64;

  [[nodiscard]] std::uint64_t middle() const { return first + (std::uint64_t{1} << (height - 1)); }
  [[nodiscard]] double low() const { return value_of(first); }
  // Not finite above the largest doubles.
  [[nodiscard]] double high() const {
    const std::uint64_t end = height == 64 ? 0 : first + (std::uint64_t{1} << height);
    return end == 0 ? std::numeric_limits<double>::infinity() : value_of(end);
  }
  [[nodiscard]] Node lower() const { return {first, height - 1}; }
  [[nodiscard]] Node upper() const { return {middle(), height - 1}; }
  // Wider than a quarter of an octave.
  [[nodiscard]] bool is_wide() const { return height > 50; }
  // Its middle is no number that a column can hold, and no edge that is told.
  [[nodiscard]] bool is_beyond() const { return !(std::abs(value_of(middle())) <= kLargest); }
  // Nothing but zero and what can't be told from it.
  [[nodiscard]] bool is_zero() const { return height < 64 && first == kSign && high() < kSmallest; }
};

// Rows that a cell must hold in the sum of all sites to be cut.
std::uint64_t least_rows(std::uint64_t total) {
  return std::max(kLeast, (total + kShare - 1) / kShare);
}

bool can_halve(const Node& node) {
  return node.height > 0 && !node.is_zero();
}

// The cell holds at most one value that the column can take.
bool is_single(const Node& node, const Step& step) {
  if (!can_halve(node)) {
    return true;
  }
  if (node.height == 64) {
    return false;
  }
  const double low = node.low();
  const double high = node.high();
  const double width = high - low;
  if (step.significant == 0) {
    return width <= step.size(low);
  }
  const bool one_octave = node.height <= 52;
  return one_octave && width <= step.size(std::min(std::abs(low), std::abs(high)));
}

double single_value(const Node& node, const Step& step) {
  const double low = node.low();
  const double high = node.high();
  for (const double near : {low, low + (high - low) / 2, high}) {
    const double value = step.rounded(near);
    if (value >= low && value < high) {
      return value;
    }
  }
  return low;
}

class Refiner {
 public:
  Refiner(std::span<const ValueCount> values, std::uint64_t least, int lowest)
      : values_(values), least_(least), lowest_(lowest) {
    for (const auto& value : values) {
      total_ += value.count;
    }
  }

  // `first` to `last` are the values of the node.
  void visit(const Node& node, std::size_t first, std::size_t last) {
    if (first == last || !can_halve(node) || node.height < lowest_) {
      return;
    }
    if (!node.is_wide()) {
      std::uint64_t count = 0;
      for (std::size_t i = first; i < last; ++i) {
        count += values_[i].count;
      }
      if (count * kSiteShare < total_ || count < least_) {
        return;
      }
      if (last - first == 1) {
        result_.atoms.push_back(values_[first]);
        return;
      }
    }
    const std::uint64_t middle = node.middle();
    const auto begin = values_.begin();
    const auto cut = static_cast<std::size_t>(
        std::partition_point(begin + static_cast<std::ptrdiff_t>(first),
                             begin + static_cast<std::ptrdiff_t>(last),
                             [&](const ValueCount& v) { return key_of(v.value) < middle; }) -
        begin);
    visit(node.lower(), first, cut);
    if (!node.is_beyond()) {
      result_.edges.push_back(value_of(middle));
    }
    visit(node.upper(), cut, last);
  }

  Refinement take() { return std::move(result_); }

 private:
  std::span<const ValueCount> values_;
  std::uint64_t least_;
  int lowest_;  // nodes below this height are not cut
  std::uint64_t total_ = 0;
  Refinement result_;
};

// The parts of sorted `edges` below and above a node's middle, which itself is in neither.
struct Halves {
  std::span<const double> lower;
  std::span<const double> upper;
  bool is_cut = false;  // the middle is one of them, or is not told
};
Halves halves_of(const Node& node, std::span<const double> edges) {
  if (node.is_beyond()) {
    const bool is_low = node.middle() < kSign;
    return {is_low ? edges.first(0) : edges, is_low ? edges : edges.first(0), !edges.empty()};
  }
  const double middle = value_of(node.middle());
  const auto at = std::lower_bound(edges.begin(), edges.end(), middle);
  const auto below = static_cast<std::size_t>(at - edges.begin());
  const bool is_cut = at != edges.end() && *at == middle;
  return {edges.first(below), edges.subspan(below + (is_cut ? 1 : 0)), is_cut};
}

class Joiner {
 public:
  Joiner(std::span<const ValueCount> atoms, std::uint64_t total, const Step& step, int lowest)
      : atoms_(atoms), least_(least_rows(total)), step_(step), lowest_(lowest), before_(1, 0) {
    for (const auto& atom : atoms) {
      before_.push_back(before_.back() + atom.count);
    }
  }

  // Atoms `first` to `last` are those of the node. Where no site has cut it, what it holds beside
  // atoms is less than one row in 1,024: half of what a cut takes must be atoms.
  void visit(const Node& node,
             std::span<const double> edges,
             std::size_t first,
             std::size_t last,
             std::vector<double>& cuts) const {
    if (is_single(node, step_) || node.height < lowest_) {
      return;
    }
    const auto halves = halves_of(node, edges);
    if (!halves.is_cut && 2 * (before_[last] - before_[first]) < least_) {
      return;
    }
    const std::uint64_t middle = node.middle();
    const auto begin = atoms_.begin();
    const auto at = static_cast<std::size_t>(
        std::partition_point(begin + static_cast<std::ptrdiff_t>(first),
                             begin + static_cast<std::ptrdiff_t>(last),
                             [&](const ValueCount& v) { return key_of(v.value) < middle; }) -
        begin);
    visit(node.lower(), halves.lower, first, at, cuts);
    if (!node.is_beyond()) {
      cuts.push_back(value_of(middle));
    }
    visit(node.upper(), halves.upper, at, last, cuts);
  }

 private:
  std::span<const ValueCount> atoms_;
  std::uint64_t least_;
  const Step& step_;
  int lowest_;  // nodes below this height are not cut
  std::vector<std::uint64_t> before_;
};

// Halves what lies between two bounds, whatever rows there are.
class EvenCutter {
 public:
  EvenCutter(double low, double high, const Step& step, int lowest, double shortest)
      : low_(low), high_(high), step_(step), lowest_(lowest), shortest_(shortest) {}

  void visit(const Node& node, std::vector<double>& cuts) const {
    const bool is_outside = node.height < 64 && (node.high() <= low_ || node.low() > high_);
    if (is_outside || is_single(node, step_) || is_tiny(node) || is_fine(node)) {
      return;
    }
    visit(node.lower(), cuts);
    if (!node.is_beyond()) {
      cuts.push_back(value_of(node.middle()));
    }
    visit(node.upper(), cuts);
  }

 private:
  static bool is_tiny(const Node& node) {
    constexpr double kTiny = 1.0 / (1 << 20);
    return node.height < 64 && node.low() >= -kTiny && node.high() <= kTiny;
  }
  bool is_fine(const Node& node) const {
    return node.height < lowest_ || (!node.is_wide() && node.high() - node.low() <= shortest_);
  }

  double low_;
  double high_;
  const Step& step_;
  int lowest_;       // nodes below this height are not cut
  double shortest_;  // cells of that length are not either
};

bool all_are_cuts(const Node& node, std::span<const double> edges) {
  if (edges.empty()) {
    return true;
  }
  const auto halves = halves_of(node, edges);
  return can_halve(node) && halves.is_cut && all_are_cuts(node.lower(), halves.lower) &&
         all_are_cuts(node.upper(), halves.upper);
}

class Summing {
 public:
  Summing(std::span<const double> edges, std::span<const std::uint64_t> counts, const Step& step)
      : edges_(edges), step_(step), before_(counts.size() + 1, 0) {
    std::partial_sum(counts.begin(), counts.end(), before_.begin() + 1);
    least_ = least_rows(before_.back());
  }

  // Bins `first` to `last` are those of the node.
  void visit(const Node& node, std::size_t first, std::size_t last, std::vector<Cell>& cells) {
    const std::uint64_t count = before_[last] - before_[first];
    if (count == 0) {
      return;
    }
    if (is_single(node, step_)) {
      cells.push_back({node.low(), node.high(), count, true, single_value(node, step_)});
      return;
    }
    if (node.is_wide() || count >= least_) {
      if (node.is_beyond()) {
        const bool is_low = (node.middle() & kSign) == 0;
        visit(node.lower(), first, is_low ? first : last, cells);
        visit(node.upper(), is_low ? first : last, last, cells);
        return;
      }
      const double middle = value_of(node.middle());
      const auto cut = std::lower_bound(edges_.begin(), edges_.end(), middle);
      if (cut != edges_.end() && *cut == middle) {
        const auto bin = static_cast<std::size_t>(cut - edges_.begin()) + 1;
        visit(node.lower(), first, bin, cells);
        visit(node.upper(), bin, last, cells);
        return;
      }
    }
    cells.push_back({node.low(), node.high(), count, false, 0.0});
  }

 private:
  std::span<const double> edges_;
  const Step& step_;
  std::vector<std::uint64_t> before_;  // rows in the bins before one
  std::uint64_t least_ = 0;
};

}  // namespace

std::size_t most_bins(std::size_t columns) {
  constexpr std::size_t kAll = std::size_t{1} << 20;
  constexpr std::size_t kLeastBins = 256;
  return std::clamp(kAll / std::max<std::size_t>(1, columns), kLeastBins, kMaxBins);
}

Refinement refine(std::span<const ValueCount> values, std::uint64_t least, std::size_t most) {
  // More cuts than the bound give up the narrowest cells.
  Refinement result;
  for (int lowest = 1; lowest == 1 || result.edges.size() >= most; ++lowest) {
    Refiner refiner(values, least, lowest);
    refiner.visit(Node{}, 0, values.size());
    result = refiner.take();
  }
  return result;
}

std::vector<double> join_cuts(std::span<const double> edges,
                              std::span<const ValueCount> atoms,
                              std::uint64_t total,
                              const Step& step,
                              std::size_t most) {
  std::vector<double> cuts;
  for (int lowest = 1; lowest == 1 || cuts.size() >= most; ++lowest) {  // as refine() does
    cuts.clear();
    Joiner(atoms, total, step, lowest).visit(Node{}, edges, 0, atoms.size(), cuts);
  }
  return cuts;
}

std::vector<double> even_cuts(
    double low, double high, const Step& step, Spacing spacing, std::size_t most) {
  constexpr int kFinest = 44;  // 256 cells an octave
  const bool by_length = spacing == Spacing::kByLength;
  double shortest = by_length ? (high - low) / static_cast<double>(most) : 0.0;
  std::vector<double> cuts;
  for (int lowest = by_length ? 1 : kFinest; cuts.empty() || cuts.size() >= most;) {
    cuts.clear();
    EvenCutter(low, high, step, lowest, shortest).visit(Node{}, cuts);
    if (cuts.empty()) {
      break;
    }
    lowest += by_length ? 0 : 1;
    shortest *= 2.0;
  }
  return cuts;
}

bool are_cuts(std::span<const double> edges) {
  return all_are_cuts(Node{}, edges);
}

std::size_t bin_of(std::span<const double> edges, double value) {
  return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), value) -
                                  edges.begin());
}

std::size_t nearest_of(std::span<const double> values, double value) {
  const auto above = std::lower_bound(values.begin(), values.end(), value);
  const auto at = static_cast<std::size_t>(above - values.begin());
  if (at == 0 || (above != values.end() && *above - value < value - values[at - 1])) {
    return at;
  }
  return at - 1;
}

std::vector<Cell> cells_of(std::span<const double> edges,
                           std::span<const std::uint64_t> counts,
                           const Step& step) {
  GENESIS_CHECK(counts.size() == edges.size() + 1, "one count a bin");
  std::vector<Cell> cells;
  Summing(edges, counts, step).visit(Node{}, 0, counts.size(), cells);
  return cells;
}

}  // namespace genesis::tabular
