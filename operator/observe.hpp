#pragma once
// The one place where the world is read: copies of the cluster's objects, kept by informers. On the
// strand of the API client.
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

namespace genesis::control {

class World {
 public:
  /// Of namespace `ns`, or of all where it is "". `api` outlives it.
  World(boost::asio::any_io_executor executor, k8s::Api& api, const std::string& ns);

  /// Called with each training that may have something new, and for each failed list or watch.
  void on_change(std::function<void(const k8s::ObjectKey&)> handler);
  void on_error(k8s::Informer::ErrorHandler handler);

  /// Spawns the informers; stop() ends them.
  void start();
  void stop();
  /// True once all that is asked for has been seen once.
  [[nodiscard]] bool has_synced() const;
  [[nodiscard]] boost::asio::awaitable<bool> wait_for_sync(Milliseconds deadline);

  /// The training and its children, without the aggregator's report.
  [[nodiscard]] Observed observe(const k8s::ObjectKey& key) const;
  /// metadata.resourceVersion of the training as it is held, or "".
  [[nodiscard]] std::string version_of(const k8s::ObjectKey& key) const;
  [[nodiscard]] std::vector<k8s::ObjectKey> trainings() const;

 private:
  void add(k8s::Resource resource, k8s::InformerOptions options);
  [[nodiscard]] const k8s::Store& store(const k8s::Resource& resource) const;
  void changed(const k8s::Resource& resource, const k8s::Change& change) const;

  boost::asio::any_io_executor executor_;
  k8s::Api& api_;
  std::vector<std::unique_ptr<k8s::Informer>> informers_;
  std::function<void(const k8s::ObjectKey&)> handler_;
};

}  // namespace genesis::control
