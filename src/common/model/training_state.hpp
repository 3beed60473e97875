#pragma once
// What a CTGAN's trainers have in common: Adam's moments of both networks, which they keep between
// rounds, and what becomes of a call. Private to this folder.
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/tensors.hpp"
#include "common/model/ctgan.hpp"
#include "common/model/network.hpp"
#include "common/model/optimizer.hpp"

namespace genesis::model {

/// The extents of one area's tensors.
[[nodiscard]] std::vector<Extent> extents_of(const Network& network, Placement::Area area);

struct TrainingState {
  Moments generator, discriminator;

  /// As it is at the start: moments of 0.
  [[nodiscard]] static TrainingState of(const Network& network);
  /// From what tensors() gave. Errors: kInvalidArgument names the tensor.
  [[nodiscard]] static Result<TrainingState> parse(const Network& network, const Tensors& tensors);
  /// Named after the parameters, and both step counts.
  [[nodiscard]] Tensors tensors(const Network& network) const;
};

/// L2 norm of the difference.
[[nodiscard]] double distance(std::span<const float> a, std::span<const float> b);

/// The result of `train`, which has none once it was told to stop. Where it diverged, `state`
/// begins anew. Errors: those of Trainer::train.
[[nodiscard]] Result<TrainResult> judged(const Network& network,
                                         TrainingState& state,
                                         double learning_rate,
                                         const std::function<std::optional<TrainResult>()>& train);

}  // namespace genesis::model
