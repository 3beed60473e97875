#pragma once
// Every request that a service answers and who may make it: asked in admission, before a body is
// read. docs/protocol.md has the same table, and a test compares the two. Pure.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/ids.hpp"
#include "common/http/routes.hpp"

namespace genesis::aggregator {

/// Names of certificates that stand for a role and not for a client. No client can have them.
inline constexpr std::string_view kObserverName =
    "genesis-observer";                                          // reads /v1/status and the page
inline constexpr std::string_view kAdminName = "genesis-admin";  // changes how a training goes

/// In the order of routes().
enum class Resource {
  kHealth,
  kReady,
  kTraining,
  kJoin,
  kTask,
  kDocument,
  kUploadProgress,
  kContribution,
  kStatus,
  kPage,
  kRounds,
  kEviction,
  kRollback,
};

/// Parts of paths: "collection", "name" and "client".
[[nodiscard]] const http::RouteTable& routes();

/// JSON that a client sends, at most: the sketch of a table of thousands of categories.
inline constexpr std::uint64_t kMaxControlBytes = std::uint64_t{4} << 20;

/// The request of a rollback: one number.
inline constexpr std::uint64_t kMaxRollbackBytes = std::uint64_t{1} << 10;

/// What the holder of a certificate with this name is: an observer, an admin, a member where
/// `participants` has the name (or is empty, and it is a client id), else nobody.
[[nodiscard]] http::Roles roles_of(std::string_view certificate_name,
                                   const std::set<ClientId>& participants);

}  // namespace genesis::aggregator
