#include "common/secure/site_policy.hpp"

namespace genesis::secure {

std::string name_of(const SumTask& task) {
  return "sum " + std::to_string(task.sum) + ", attempt " + std::to_string(task.attempt);
}

tl::unexpected<Error> refused(Errc code, const SumTask& task, std::string_view what) {
  return fail(code, name_of(task) + ": " + std::string(what));
}

Status admit(const SumTask& task,
             const ClientId& self,
             std::string_view public_key,
             const SitePolicy& policy) {
  GENESIS_RETURN_IF_ERROR(check(task));
  const auto place = task.place_of(self);
  if (!place || task.roster[*place].public_key != public_key) {
    return refused(Errc::kInvalidArgument, task, "the roster lacks " + self.str() + " or its key");
  }
  const std::size_t least =
      least_threshold(task.roster.size(), policy.min_survivors, policy.max_colluding);
  if (task.threshold < least) {
    return refused(Errc::kPermissionDenied,
                   task,
                   "the threshold " + std::to_string(task.threshold) + " is below " +
                       std::to_string(least) + ", which this site asks for with " +
                       std::to_string(task.roster.size()) + " members");
  }
  if (policy.peers.empty()) {
    return {};
  }
  for (const Member& member : task.roster) {
    const auto known = policy.peers.find(member.id.str());
    if (known == policy.peers.end() || known->second != digest(member.public_key)) {
      return refused(Errc::kPermissionDenied,
                     task,
                     member.id.str() + " is not among the peers of this site, or has another key");
    }
  }
  return {};
}

}  // namespace genesis::secure
