#pragma once
// What a site asks of every secure sum, whatever the server says.
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/secure/messages.hpp"

namespace genesis::secure {

struct SitePolicy {
  std::size_t min_survivors = kMinMembers;
  std::size_t max_colluding = 1;  // other members who may collude with the server
  /// SHA-256 (32 bytes) of each member's public key, by id, this site's own included. Where it is
  /// empty, anybody whom the server names may be a member.
  std::map<std::string, std::string> peers = {};
};

/// Errors: those of check(task); kInvalidArgument where the roster lacks `self` with its public
/// key; kPermissionDenied where the task asks less than the policy does, or has members whom the
/// site does not know.
[[nodiscard]] Status admit(const SumTask& task,
                           const ClientId& self,
                           std::string_view public_key,
                           const SitePolicy& policy);

/// An error about one sum, which it names.
[[nodiscard]] tl::unexpected<Error> refused(Errc code, const SumTask& task, std::string_view what);
[[nodiscard]] std::string name_of(const SumTask& task);

}  // namespace genesis::secure
