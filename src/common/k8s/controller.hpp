#pragma once
// Runs reconciles from a workqueue. After controller-runtime's reconcileHandler: an error is
// retried with back-off, requeue_after queues the key again after a fixed time, success resets the
// back-off. On one strand.
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "common/k8s/object.hpp"
#include "common/k8s/workqueue.hpp"

namespace genesis::k8s {

struct Reconciled {
  std::optional<Milliseconds> requeue_after;  // reconcile again after this time
};

using Reconciler = std::function<boost::asio::awaitable<Result<Reconciled>>(ObjectKey key)>;

/// One reconcile, for metrics and logs.
struct ReconcileReport {
  const ObjectKey& key;
  Milliseconds waited;  // in the queue
  Milliseconds took;    // with its requests
  const Result<Reconciled>& result;
};

class Controller {
 public:
  using Observer = std::function<void(const ReconcileReport&)>;

  Controller(boost::asio::any_io_executor executor, Reconciler reconcile, RateLimits limits = {});
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void on_reconciled(Observer observer);
  /// At any time, above all from handlers of informers. Keys wait until run().
  void add(const ObjectKey& key);
  void add_after(const ObjectKey& key, Milliseconds delay);

  /// `workers` reconciles at a time, until stop(); completes when the last has ended. Once.
  [[nodiscard]] boost::asio::awaitable<void> run(std::size_t workers);
  /// No further reconcile is started. Those under way are completed.
  void stop();

  [[nodiscard]] const Workqueue& queue() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
