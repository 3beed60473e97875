#include "common/http/routes.hpp"

#include <algorithm>
#include <optional>

namespace genesis::http {
namespace {

constexpr Role kAllRoles[] = {Role::kAnyone, Role::kObserver, Role::kMember, Role::kAdmin};

using Parts = std::map<std::string_view, std::string_view>;

// Takes what comes before the next slash.
std::string_view take_part(std::string_view& path) {
  const auto end = std::min(path.find('/'), path.size());
  const auto part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

std::optional<Parts> fit(std::string_view pattern, std::string_view path) {
  // As many slashes in both, so that taking parts ends with both at once.
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/')) {
    return std::nullopt;
  }
  Parts parts;
  while (!pattern.empty() || !path.empty()) {
    const auto expected = take_part(pattern);
    const auto found = take_part(path);
    const bool is_named = expected.starts_with('{') && expected.ends_with('}');
    if (is_named ? found.empty() : expected != found) {
      return std::nullopt;
    }
    if (is_named) {
      parts[expected.substr(1, expected.size() - 2)] = found;
    }
  }
  return parts;
}

Response refuse(const Route& route, Roles asking) {
  const std::string what = std::string(route.method) + " " + std::string(route.path);
  if (asking == Roles{Role::kAnyone}) {
    return error_response(
        Error{Errc::kUnauthenticated,
              what + ": takes a client certificate or token of role " + to_string(route.roles)});
  }
  return error_response(
      Error{Errc::kPermissionDenied,
            what + ": for role " + to_string(route.roles) + " only, not " + to_string(asking)});
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kAnyone:
      return "anyone";
    case Role::kObserver:
      return "observer";
    case Role::kMember:
      return "member";
    case Role::kAdmin:
      return "admin";
  }
  return "anyone";
}

std::string to_string(Roles roles) {
  std::string text;
  for (const Role role : kAllRoles) {
    if (roles.has(role)) {
      text.append(text.empty() ? "" : ", ").append(to_string(role));
    }
  }
  return text;
}

std::variant<RouteTable::Match, Response> RouteTable::find(const Request& request,
                                                           Roles asking) const {
  std::string allowed;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    auto parts = fit(route.path, request.path);
    if (!parts) {
      continue;
    }
    if (route.method != request.method) {
      allowed.append(allowed.empty() ? "" : ", ").append(route.method);
      continue;
    }
    if (!route.roles.has(Role::kAnyone) && !route.roles.meets(asking)) {
      return refuse(route, asking);
    }
    return Match{&route, i, std::move(*parts)};
  }
  if (allowed.empty()) {
    return error_response(
        404, Error{Errc::kNotFound, request.method + " " + request.path + ": no such resource"});
  }
  auto response = error_response(
      405,
      Error{Errc::kInvalidArgument, request.method + " " + request.path + ": expected " + allowed});
  response.headers.push_back({"Allow", allowed});
  return response;
}

}  // namespace genesis::http
