#include "aggregator/routes.hpp"

#include "common/wire/transfer.hpp"

namespace genesis::aggregator {

const http::RouteTable& routes() {
  using http::Role;
  static const http::RouteTable kRoutes({
      {"GET", "/healthz", {Role::kAnyone}},
      {"GET", "/readyz", {Role::kAnyone}},
      {"GET", "/v1/training", {Role::kMember}},
      {"POST", "/v1/join", {Role::kMember}, kMaxControlBytes},
      {"GET", "/v1/task", {Role::kMember}},
      {"GET", "/v1/collections/{collection}/documents/{name}", {Role::kMember}},
      {"GET", "/v1/collections/{collection}/contributions/{client}", {Role::kMember}},
      {"PUT",
       "/v1/collections/{collection}/contributions/{client}",
       {Role::kMember},
       wire::kMaxChunkBytes},
      {"GET", "/v1/status", {Role::kObserver, Role::kMember, Role::kAdmin}},
      {"GET", "/v1/page", {Role::kObserver, Role::kMember, Role::kAdmin}},
      {"GET", "/v1/rounds", {Role::kObserver, Role::kMember, Role::kAdmin}},
      {"DELETE", "/v1/clients/{client}", {Role::kAdmin}},
      {"POST", "/v1/rollback", {Role::kAdmin}, kMaxRollbackBytes},
  });
  return kRoutes;
}

http::Roles roles_of(std::string_view certificate_name, const std::set<ClientId>& participants) {
  using http::Role;
  if (certificate_name == kObserverName) {
    return {Role::kObserver};
  }
  if (certificate_name == kAdminName) {
    return {Role::kAdmin};
  }
  const auto client = ClientId::parse(certificate_name);
  if (client && (participants.empty() || participants.contains(*client))) {
    return {Role::kMember};
  }
  return {Role::kAnyone};
}

}  // namespace genesis::aggregator
