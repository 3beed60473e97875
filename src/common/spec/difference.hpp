#pragma once
// Where two specs differ, for people who are to be told, and for a training that is resumed.
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::spec {

struct Difference {
  std::string field;   // "rounds.count"; lists are compared as a whole
  std::string before;  // as JSON, cut where it is long; "" where it was not there
  std::string after;
  bool operator==(const Difference&) const = default;
};

/// Of two specs as print_json writes them. Errors: kInvalidArgument where one is no JSON object.
[[nodiscard]] Result<std::vector<Difference>> differences(std::string_view before,
                                                          std::string_view after);

/// Whether a training that has begun may go on with another value of `field`: deadlines and retries
/// change which model comes out no more than a slow network does.
[[nodiscard]] bool may_change_on_resume(std::string_view field);

/// "rounds.count: 12, now 20; seed: 7, now 9".
[[nodiscard]] std::string to_string(const std::vector<Difference>& differences);

}  // namespace genesis::spec
