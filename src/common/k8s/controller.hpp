#pragma once
// Pumps a workqueue: workers take keys, reconcile them, and say when to look again. After
// controller-runtime's reconcileHandler: an error means back-off, requeue_after a fixed time,
// success forget. On one strand.
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
  std::optional<Milliseconds> requeue_after;  // also after success: a deadline to look at
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
  /// Any time, from handlers of informers above all; keys wait until run().
  void add(const ObjectKey& key);
  void add_after(const ObjectKey& key, Milliseconds delay);

  /// `workers` reconciles at a time, until stop(); completes when the last has ended. Once.
  [[nodiscard]] boost::asio::awaitable<void> run(std::size_t workers);
  /// No key is taken any more. What is being reconciled goes on to its end.
  void stop();

  [[nodiscard]] const Workqueue& queue() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace genesis::k8s
