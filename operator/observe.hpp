#pragma once
// The one place where the cluster is read: copies of its objects, kept up to date by informers. On
// the strand of the API client.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/k8s/api.hpp"
#include "common/k8s/informer.hpp"
#include "operator/observed.hpp"
#include "operator/spec_cache.hpp"

namespace genesis::control {

class World {
 public:
  /// Watches these namespaces, or all of them if the one that is given is "". `api` outlives it.
  /// `clock` tells the time of each observation.
  World(boost::asio::any_io_executor executor,
        k8s::Api& api,
        const std::vector<std::string>& namespaces,
        std::function<SystemTime()> clock = now);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Called with the key of each training whose objects have changed. Set it before start().
  void on_change(std::function<void(const k8s::ObjectKey&)> handler);
  /// Called with the key of each training that has changed itself, or is gone. Likewise.
  void on_training(std::function<void(const k8s::ObjectKey&)> handler);
  /// Called for each failed list or watch.
  void on_error(k8s::Informer::ErrorHandler handler);

  /// Spawns the informers; stop() ends them.
  void start();
  void stop();
  /// True once the first list of each kind is in the caches.
  [[nodiscard]] bool has_synced() const;
  [[nodiscard]] boost::asio::awaitable<bool> wait_for_sync(Milliseconds deadline);

  /// The training and its children, without Secrets and the aggregator's report. Who created them
  /// is not judged yet.
  [[nodiscard]] Observed observe(const k8s::ObjectKey& key);
  /// The training alone.
  [[nodiscard]] std::optional<Training> training(const k8s::ObjectKey& key);
  /// metadata.resourceVersion of the cached training, or "".
  [[nodiscard]] std::string version_of(const k8s::ObjectKey& key) const;
  [[nodiscard]] std::vector<k8s::ObjectKey> trainings() const;

 private:
  // An informer for one kind in one namespace, or in all ("").
  struct Watched {
    std::string ns;
    std::unique_ptr<k8s::Informer> informer;
  };
  void add(const k8s::Resource& resource, const std::string& ns, std::string label_selector);
  // The objects of that kind in that namespace; null if it is not watched.
  [[nodiscard]] const k8s::Store* store(const k8s::Resource& resource, const std::string& ns) const;
  void changed(const k8s::Resource& resource, const k8s::Change& change);

  boost::asio::any_io_executor executor_;
  k8s::Api& api_;
  std::function<SystemTime()> clock_;
  std::vector<Watched> informers_;
  std::function<void(const k8s::ObjectKey&)> handler_;
  std::function<void(const k8s::ObjectKey&)> training_handler_;
  SpecCache specs_;
};

}  // namespace genesis::control
