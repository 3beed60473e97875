#pragma once
// What a site remembers of the secure sums of a run, beside the state of the current one: so that
// no input is summed twice, and that the members stay who they were. Pure; the site keeps save() on
// its disk and writes it before it begins a sum.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/secure/messages.hpp"

namespace genesis::secure {

class SumHistory {
 public:
  /// Records a sum that begins. Errors: kConflict for a sum of another run, one that is not later
  /// than those before, or what has been asked with the same parameters already: two sums of one
  /// input differ by the members in whom they differ. kPermissionDenied for a member who was not
  /// among those of the first sum, or has another key.
  [[nodiscard]] Status begin(const SumTask& task);

  /// Records whose answers to what `task` asks this site lets be summed. Errors: kConflict where it
  /// has let those of other members be, also in an earlier run: two sums of one question differ by
  /// the members in whom they differ. kInvalidArgument for a stranger.
  [[nodiscard]] Status settle(const SumTask& task, const std::vector<Place>& members);

  /// The sums that follow are of another run: its numbers and questions are new. The members, and
  /// what was settled, are not: else whoever runs the aggregator could name others by naming
  /// another run.
  void renew();

  /// SHA-256 of the members' public keys of the first sum, by id: for SitePolicy.peers where the
  /// site has no list of its own.
  [[nodiscard]] const std::map<std::string, std::string>& peers() const { return peers_; }

  /// "" before the first sum of a run.
  [[nodiscard]] const std::string& run() const { return run_; }

  [[nodiscard]] std::string save() const;
  [[nodiscard]] static Result<SumHistory> restore(std::string_view saved);
  bool operator==(const SumHistory&) const = default;

 private:
  std::string run_;
  std::map<std::string, std::string> peers_;
  std::map<std::string, std::uint32_t> asked_;  // digest of query and parameters -> sum
  std::map<std::string, std::string> settled_;  // purpose and documents -> digest of members' ids
  std::uint32_t last_ = 0;
};

}  // namespace genesis::secure
