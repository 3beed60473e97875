#include "operator/observe.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "common/base/check.hpp"
#include "operator/naming.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {

World::World(boost::asio::any_io_executor executor, k8s::Api& api, const std::string& ns)
    : executor_(std::move(executor)), api_(api) {
  const auto options = [&](void (*keep)(Json&), k8s::Detail detail) {
    k8s::InformerOptions made;
    made.ns = ns;
    made.detail = detail;
    made.transform = keep;
    made.label_selector = std::string(kManagedBy) + "=" + std::string(kManager);
    made.jitter_seed = informers_.size();
    return made;
  };
  auto trainings = options(keep_training, k8s::Detail::kWhole);
  trainings.label_selector.clear();
  add(k8s::kFederatedTrainings, std::move(trainings));
  add(k8s::kJobs, options(keep_job, k8s::Detail::kWhole));
  add(k8s::kPods, options(keep_pod, k8s::Detail::kWhole));
  add(k8s::kServices, options(keep_service, k8s::Detail::kWhole));
  for (const auto& resource :
       {k8s::kSecrets, k8s::kConfigMaps, k8s::kPersistentVolumeClaims, k8s::kNetworkPolicies}) {
    add(resource, options(keep_metadata, k8s::Detail::kMetadataOnly));
  }
}

void World::add(k8s::Resource resource, k8s::InformerOptions options) {
  informers_.push_back(
      std::make_unique<k8s::Informer>(executor_, api_, resource, std::move(options)));
}

void World::on_change(std::function<void(const k8s::ObjectKey&)> handler) {
  handler_ = std::move(handler);
  for (auto& informer : informers_) {
    informer->on_change([this, resource = informer->resource()](const k8s::Change& change) {
      changed(resource, change);
    });
  }
}

void World::on_error(k8s::Informer::ErrorHandler handler) {
  for (auto& informer : informers_) {
    informer->on_error(handler);
  }
}

void World::start() {
  for (auto& informer : informers_) {
    boost::asio::co_spawn(executor_, informer->run(), boost::asio::detached);
  }
}

void World::stop() {
  for (auto& informer : informers_) {
    informer->stop();
  }
}

bool World::has_synced() const {
  return std::ranges::all_of(informers_,
                             [](const auto& informer) { return informer->has_synced(); });
}

boost::asio::awaitable<bool> World::wait_for_sync(Milliseconds deadline) {
  for (auto& informer : informers_) {
    const bool synced = co_await informer->wait_for_sync(deadline);
    if (!synced) {
      co_return false;
    }
  }
  co_return true;
}

const k8s::Store& World::store(const k8s::Resource& resource) const {
  const auto found = std::ranges::find_if(
      informers_, [&](const auto& informer) { return informer->resource() == resource; });
  GENESIS_CHECK(found != informers_.end(), "every kind that is read has its informer");
  return (*found)->store();
}

// A training's own change, a child's, or that of a pod of one of its Jobs.
void World::changed(const k8s::Resource& resource, const k8s::Change& change) const {
  if (resource == k8s::kFederatedTrainings) {
    handler_(change.key);
    return;
  }
  auto owner = k8s::controller_of(change.object);
  if (resource == k8s::kPods && owner) {
    const auto job = store(k8s::kJobs).get(k8s::ObjectKey(change.key.ns, owner->name));
    owner = job ? k8s::controller_of(*job) : std::nullopt;
  }
  if (owner && owner->kind == k8s::kFederatedTrainings.kind) {
    handler_(k8s::ObjectKey(change.key.ns, owner->name));
  }
}

Observed World::observe(const k8s::ObjectKey& key) const {
  Observed seen;
  seen.now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto object = store(k8s::kFederatedTrainings).get(key);
  if (!object) {
    return seen;
  }
  seen.training = training_from(*object);
  const auto& uid = seen.training->uid;
  auto& children = seen.children;
  const auto gather = [&](const k8s::Resource& resource, std::map<std::string, Child>& into) {
    for (const Json& child : store(resource).owned_by(uid)) {
      into.emplace(k8s::metadata_text(child, "name"), child_from(child, uid));
    }
  };
  gather(k8s::kSecrets, children.secrets);
  gather(k8s::kConfigMaps, children.config_maps);
  gather(k8s::kPersistentVolumeClaims, children.volume_claims);
  gather(k8s::kNetworkPolicies, children.network_policies);
  for (const Json& service : store(k8s::kServices).owned_by(uid)) {
    children.services.emplace(k8s::metadata_text(service, "name"), service_from(service, uid));
  }
  for (const Json& job : store(k8s::kJobs).owned_by(uid)) {
    children.jobs.emplace(k8s::metadata_text(job, "name"), job_from(job, uid));
    for (const Json& pod : store(k8s::kPods).owned_by(k8s::uid_of(job))) {
      children.pods.push_back(pod_from(pod));
    }
  }
  std::ranges::stable_sort(children.pods, {}, &Pod::created);
  return seen;
}

std::string World::version_of(const k8s::ObjectKey& key) const {
  const auto object = store(k8s::kFederatedTrainings).get(key);
  return object ? std::string(k8s::resource_version_of(*object)) : std::string();
}

std::vector<k8s::ObjectKey> World::trainings() const {
  return store(k8s::kFederatedTrainings).keys();
}

}  // namespace genesis::control
