#include "common/http/server_shared.hpp"

#include <algorithm>
#include <utility>

namespace genesis::http {
namespace {

ConnectionTable::Bounds bounds_of(const Limits& limits, const Handler& handler) {
  const std::size_t total = std::max<std::size_t>(1, limits.connections);
  return {.total = total,
          .of_a_name = std::max<std::size_t>(1, limits.connections_of_a_name),
          .of_an_address = std::max<std::size_t>(1, limits.connections_of_an_address),
          .reserved_for_members =
              handler.is_member ? std::min(limits.connections_for_members, total / 2) : 0};
}

}  // namespace

ServerShared::ServerShared(std::optional<tls::ServerContext> server_tls,
                           const Limits& bounds,
                           Handler plugged_in)
    : tls(std::move(server_tls)),
      limits(bounds),
      handler(std::move(plugged_in)),
      connections(bounds_of(limits, handler)),
      bodies(limits.body_bytes_in_flight),
      pool(limits.worker_threads) {}

}  // namespace genesis::http
