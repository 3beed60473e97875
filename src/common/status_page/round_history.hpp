#pragma once
// What the page of a training draws over rounds. Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/wire/messages.hpp"

namespace genesis::status_page {

/// The losses of each round that clients have reported, as they stood last. Of many rounds every
/// second, fourth and so on is kept, so that there are never more than kMostRounds.
class RoundHistory {
 public:
  static constexpr std::size_t kMostRounds = 1000;

  /// A round earlier than those that are known stands where a training was rolled back: what came
  /// after it is forgotten.
  void add(const wire::StatusReport& report);
  /// JSON: [{round, elapsed_seconds, losses {name: mean}}].
  [[nodiscard]] std::string json() const;
  /// Those of the answer to GET /v1/rounds. Errors: kInvalidArgument names the field.
  [[nodiscard]] static Result<RoundHistory> parse(const std::string& answer);

 private:
  struct Round {
    std::uint32_t number = 0;
    double elapsed_seconds = 0.0;
    rounds::Telemetry losses;
  };
  void thin();

  std::vector<Round> rounds_;
  std::uint32_t every_ = 1;
};

}  // namespace genesis::status_page
