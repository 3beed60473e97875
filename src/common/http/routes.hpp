#pragma once
// Which request may be made by whom, as one table that an application writes down: admission asks
// it before a body is read, a test and the documentation print it. Pure.
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/http/message.hpp"

namespace genesis::http {

/// What the one who asks has been shown to be.
enum class Role : std::uint8_t {
  kAnyone,    // nothing is known
  kObserver,  // may read how a training stands
  kMember,    // takes part in it
  kAdmin,     // may change how it goes
};
/// "anyone", "observer", "member", "admin".
[[nodiscard]] std::string_view to_string(Role role);

/// A set of roles.
class Roles {
 public:
  constexpr Roles(std::initializer_list<Role> roles) {
    for (const Role role : roles) {
      bits_ |= bit(role);
    }
  }
  [[nodiscard]] constexpr bool has(Role role) const { return (bits_ & bit(role)) != 0; }
  [[nodiscard]] constexpr bool meets(Roles other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool operator==(const Roles&) const = default;

 private:
  static constexpr unsigned bit(Role role) { return 1U << static_cast<unsigned>(role); }
  unsigned bits_ = 0;
};
/// "member, admin", in the order of the enum.
[[nodiscard]] std::string to_string(Roles roles);

struct Route {
  std::string_view method;  // "GET" stands for HEAD too
  std::string_view path;  // "/v1/rounds/{round}/updates/{client}": {…} is any one part, not empty
  Roles roles;            // who may; with kAnyone everybody
  std::uint64_t max_body = 0;
};

class RouteTable {
 public:
  /// The texts outlive the table. Of two routes that fit a path the first counts.
  explicit RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {}

  struct Match {
    const Route* route = nullptr;  // of this table
    std::size_t index = 0;         // of the route in the table, to dispatch on
    std::map<std::string_view, std::string_view> parts;  // by name without braces; of the request
  };
  /// The route of `request`, which whoever is `asking` may take; the request outlives the match.
  /// Refusals: 404 where no route has the path, 405 with Allow where none has the method, 401 where
  /// it takes a role and the one who asks has none, 403 where it takes another.
  [[nodiscard]] std::variant<Match, Response> find(const Request& request, Roles asking) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace genesis::http
