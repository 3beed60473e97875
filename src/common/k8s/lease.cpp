#include "common/k8s/lease.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/k8s/json_text.hpp"
#include "common/k8s/resource.hpp"
#include "common/k8s/time_text.hpp"

namespace genesis::k8s {
namespace {

constexpr std::int64_t kLongestSeconds = 3600;

}  // namespace

LeaseRecord parse_lease(const Json& lease) {
  LeaseRecord record;
  record.resource_version = resource_version_of(lease);
  const auto spec = lease.is_object() ? lease.find("spec") : lease.end();
  if (spec == lease.end()) {
    record.duration = std::chrono::seconds(1);
    return record;
  }
  record.holder = text_field(*spec, "holderIdentity");
  // Limited, so that a Lease that somebody edited cannot block the election for ever.
  record.duration = std::chrono::seconds(
      std::clamp<std::int64_t>(integer_field(*spec, "leaseDurationSeconds"), 1, kLongestSeconds));
  record.acquire_time = text_field(*spec, "acquireTime");
  record.renew_time = text_field(*spec, "renewTime");
  record.transitions = integer_field(*spec, "leaseTransitions");
  return record;
}

Json lease_with(Json lease, const ObjectKey& key, const LeaseRecord& record) {
  if (!lease.is_object()) {
    lease = Json::object();
  }
  lease["apiVersion"] = kLeases.api_version();
  lease["kind"] = kLeases.kind;
  Json& metadata = lease["metadata"];
  metadata["name"] = key.name;
  metadata["namespace"] = key.ns;
  if (!record.resource_version.empty()) {
    metadata["resourceVersion"] = record.resource_version;
  }
  metadata.erase("managedFields");
  Json& spec = lease["spec"];
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration.count();
  spec["acquireTime"] = record.acquire_time;
  spec["renewTime"] = record.renew_time;
  spec["leaseTransitions"] = record.transitions;
  return lease;
}

LeaseRecord claim(const std::optional<LeaseRecord>& seen,
                  const ElectionOptions& options,
                  std::chrono::system_clock::time_point wall) {
  LeaseRecord record = seen.value_or(LeaseRecord{});
  record.duration = std::chrono::ceil<std::chrono::seconds>(options.lease_duration);
  record.renew_time = to_micro_time(wall);
  if (record.holder != options.identity || record.acquire_time.empty()) {
    record.acquire_time = record.renew_time;
    record.transitions += seen ? 1 : 0;
  }
  record.holder = options.identity;
  return record;
}

LeaseRecord release(const LeaseRecord& held, std::chrono::system_clock::time_point wall) {
  LeaseRecord record = held;
  record.holder.clear();
  record.duration = std::chrono::seconds(1);
  record.renew_time = to_micro_time(wall);
  record.acquire_time = record.renew_time;
  return record;
}

}  // namespace genesis::k8s
