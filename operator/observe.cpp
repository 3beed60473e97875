#include "operator/observe.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "operator/naming.hpp"
#include "operator/shapes.hpp"

namespace genesis::control {

World::World(boost::asio::any_io_executor executor,
             k8s::Api& api,
             const std::vector<std::string>& namespaces,
             std::function<SystemTime()> clock)
    : executor_(std::move(executor)), api_(api), clock_(std::move(clock)) {
  const std::string ours = std::string(kManagedBy) + "=" + std::string(kManager);
  for (const auto& ns : namespaces) {
    add(k8s::kFederatedTrainings, ns, "");
    for (const auto& kind : kWatchedKinds) {
      add(kind, ns, ours);
    }
    add(k8s::kPods, ns, ours);  // after Jobs, by which a pod's training is found
  }
}

void World::add(const k8s::Resource& resource, const std::string& ns, std::string label_selector) {
  const Selection selection = selection_of(resource);
  k8s::InformerOptions options;
  options.ns = ns;
  options.detail = selection.detail;
  options.transform = selection.keep;
  options.label_selector = std::move(label_selector);
  options.jitter_seed = informers_.size();
  informers_.push_back(
      {ns, std::make_unique<k8s::Informer>(executor_, api_, resource, std::move(options))});
  informers_.back().informer->on_change(
      [this, resource](const k8s::Change& change) { changed(resource, change); });
}

void World::on_change(std::function<void(const k8s::ObjectKey&)> handler) {
  handler_ = std::move(handler);
}

void World::on_training(std::function<void(const k8s::ObjectKey&)> handler) {
  training_handler_ = std::move(handler);
}

void World::on_error(k8s::Informer::ErrorHandler handler) {
  for (auto& [ns, informer] : informers_) {
    informer->on_error(handler);
  }
}

void World::start() {
  for (auto& [ns, informer] : informers_) {
    boost::asio::co_spawn(executor_, informer->run(), boost::asio::detached);
  }
}

void World::stop() {
  for (auto& [ns, informer] : informers_) {
    informer->stop();
  }
}

bool World::has_synced() const {
  return std::ranges::all_of(informers_,
                             [](const Watched& watched) { return watched.informer->has_synced(); });
}

boost::asio::awaitable<bool> World::wait_for_sync(Milliseconds deadline) {
  for (auto& watched : informers_) {
    const bool synced = co_await watched.informer->wait_for_sync(deadline);
    if (!synced) {
      co_return false;
    }
  }
  co_return true;
}

const k8s::Store* World::store(const k8s::Resource& resource, const std::string& ns) const {
  const auto found = std::ranges::find_if(informers_, [&](const Watched& watched) {
    return watched.informer->resource() == resource && (watched.ns == ns || watched.ns.empty());
  });
  return found == informers_.end() ? nullptr : &found->informer->store();
}

// Notifies of the training that has changed, or that owns the child or pod that has changed.
void World::changed(const k8s::Resource& resource, const k8s::Change& change) {
  std::optional<k8s::ObjectKey> training;
  if (resource == k8s::kFederatedTrainings) {
    training = change.key;
    if (change.kind == k8s::ChangeKind::kDeleted) {
      specs_.forget(k8s::uid_of(change.object));
    }
    if (training_handler_) {
      training_handler_(change.key);
    }
  } else {
    auto owner = k8s::controller_of(change.object);
    if (resource == k8s::kPods && owner) {
      const auto* const jobs = store(k8s::kJobs, change.key.ns);
      const auto job = jobs->get(k8s::ObjectKey(change.key.ns, owner->name));
      owner = job ? k8s::controller_of(*job) : std::nullopt;
    }
    if (owner && owner->kind == k8s::kFederatedTrainings.kind) {
      training = k8s::ObjectKey(change.key.ns, owner->name);
    }
  }
  if (training && handler_) {
    handler_(*training);
  }
}

std::optional<Training> World::training(const k8s::ObjectKey& key) {
  const auto* const trainings = store(k8s::kFederatedTrainings, key.ns);
  const auto object = trainings == nullptr ? std::nullopt : trainings->get(key);
  if (!object) {
    return std::nullopt;
  }
  return training_from(*object, specs_.of(*object));
}

Observed World::observe(const k8s::ObjectKey& key) {
  Observed seen;
  seen.now = clock_();
  seen.training = training(key);
  if (!seen.training) {
    return seen;
  }
  const auto& uid = seen.training->uid;
  auto& children = seen.children;
  for (const auto& kind : kWatchedKinds) {
    for (const Json& child : store(kind, key.ns)->owned_by(uid)) {
      children.of(kind).emplace(k8s::metadata_text(child, "name"), child_from(kind, child, uid));
    }
  }
  // The claim that an earlier training of this name has left belongs to none that there is.
  const k8s::ObjectKey model(key.ns, Names(key.name).model);
  if (const auto claim = store(k8s::kPersistentVolumeClaims, key.ns)->get(model)) {
    Child left = child_from(k8s::kPersistentVolumeClaims, *claim, uid);
    if (left.is_retained) {
      children.of(k8s::kPersistentVolumeClaims).emplace(model.name, std::move(left));
    }
  }
  for (const auto& [name, job] : children.of(k8s::kJobs)) {
    for (const Json& pod : store(k8s::kPods, key.ns)->owned_by(job.uid)) {
      children.pods.push_back(pod_from(pod));
    }
  }
  std::ranges::stable_sort(children.pods, {}, &Pod::created);
  link_ends(children.pods);
  return seen;
}

std::string World::version_of(const k8s::ObjectKey& key) const {
  const auto* const trainings = store(k8s::kFederatedTrainings, key.ns);
  const auto object = trainings == nullptr ? std::nullopt : trainings->get(key);
  return object ? std::string(k8s::resource_version_of(*object)) : std::string();
}

std::vector<k8s::ObjectKey> World::trainings() const {
  std::vector<k8s::ObjectKey> keys;
  for (const auto& [ns, informer] : informers_) {
    if (informer->resource() == k8s::kFederatedTrainings) {
      const auto some = informer->store().keys();
      keys.insert(keys.end(), some.begin(), some.end());
    }
  }
  return keys;
}

}  // namespace genesis::control
