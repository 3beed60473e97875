#pragma once
// A Gaussian mixture fitted to a histogram: the modes of CTGAN's mode-specific normalisation
// (Xu et al. 2019, sec. 4.2), from counts instead of rows. Pure and deterministic: doubles are
// summed in the order of the bins.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace genesis::tabular {

/// Modes of one continuous column at most, as in CTGAN.
inline constexpr std::size_t kMaxModes = 10;

struct Bar {
  double middle = 0.0;
  double count = 0.0;  // > 0
};

struct Gaussian {
  double mean = 0.0;
  double deviation = 0.0;
  double weight = 0.0;  // share of the histogram
};

/// What a mode must have to be one.
struct MixtureBounds {
  double deviation = 0.0;  // > 0; smaller ones are raised to it
  double weight = 0.0;     // lighter ones are removed, unless one is left
  // Nats a row that it adds to the likelihood, beside the Bayesian information criterion's price
  // (Schwarz 1978). Overlapping modes that add less would make a model learn which of them a row
  // was drawn to, which is noise.
  double gain = 0.0;
  std::size_t modes = kMaxModes;  // at most kMaxModes
};

/// Log likelihood of a position, in nats, where `modes` are not empty; at least -690.
[[nodiscard]] double log_density(std::span<const Gaussian> modes, double position);

/// `bars` sorted by middle, not empty. The result is sorted by mean; weights sum to 1.
[[nodiscard]] std::vector<Gaussian> fit_mixture(std::span<const Bar> bars,
                                                const MixtureBounds& bounds);

}  // namespace genesis::tabular
