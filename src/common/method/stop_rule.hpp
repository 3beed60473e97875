#pragma once
// Early stopping (Prechelt 1998) over several sites: each says how well the model that it was sent
// predicts rows that it has kept out of training. The training ends once, for sites with more than
// half of the weight, `patience` of their answers have passed without improvement. A site is
// compared with itself alone, so that none that lies decides for the others. Pure.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::method {

/// Of one site's rows.
struct HoldoutLoss {
  double loss = 0.0;         // nats a row
  std::uint64_t weight = 0;  // in the sum of the same round
};

class StopRule {
 public:
  explicit StopRule(const spec::StopCondition& condition)
      : patience_(static_cast<std::uint64_t>(condition.patience)),
        min_improvement_(condition.min_improvement) {}

  /// What the sites of one round said.
  void note(const std::map<ClientId, HoldoutLoss>& losses);
  /// As of the last round that was noted. Does not depend on the order in which sites answered.
  [[nodiscard]] bool is_met() const { return is_met_; }
  /// For people, once it is met.
  [[nodiscard]] std::string reason() const;

  /// JSON that a checkpoint keeps. `restore` errors: kInvalidArgument names the field.
  [[nodiscard]] std::string state() const;
  [[nodiscard]] Status restore(std::string_view state);

 private:
  struct Progress {
    double best = 0.0;         // nats a row
    std::uint64_t waited = 0;  // answers since then
  };

  std::uint64_t patience_;
  double min_improvement_;
  std::map<ClientId, Progress> sites_;
  bool is_met_ = false;
};

}  // namespace genesis::method
