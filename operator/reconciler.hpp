#pragma once
// One pass over one training: observe, plan, execute. What a pass learns that the cluster does not
// hold (name conflicts, a persisting error of the API server, a status that the cache does not show
// yet) is kept until the next pass.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/k8s/controller.hpp"
#include "common/k8s/event_recorder.hpp"
#include "common/k8s/stopwatch.hpp"
#include "operator/executor.hpp"
#include "operator/observe.hpp"
#include "operator/reports.hpp"

namespace genesis::control {

class Reconciler {
 public:
  /// All outlive it.
  Reconciler(World& world,
             k8s::Api& api,
             crypto::Entropy& entropy,
             Reports& reports,
             k8s::EventRecorder& events,
             Settings settings)
      : world_(world),
        api_(api),
        entropy_(entropy),
        reports_(reports),
        events_(events),
        settings_(std::move(settings)) {}

  /// Called after each pass with its processor time, requests left out.
  void on_pass(std::function<void(k8s::Stopwatch::Duration own)> handler) {
    on_pass_ = std::move(handler);
  }

  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> reconcile(k8s::ObjectKey key);

 private:
  struct Memory {
    std::string uid;
    std::vector<NameConflict> conflicts;
    std::optional<TransientError> transient_error;  // of the last pass
    std::optional<WrittenStatus> written;           // until the cache has moved on
  };

  [[nodiscard]] Observed observe(const k8s::ObjectKey& key, Memory& memory);
  static void learn(const Outcome& outcome,
                    const std::optional<TransientError>& before,
                    Observed& seen,
                    Memory& memory);
  [[nodiscard]] boost::asio::awaitable<void> ask_aggregator(Observed& seen, k8s::Stopwatch& watch);
  [[nodiscard]] boost::asio::awaitable<Status> recheck_conflicts(Training training,
                                                                 Executor& executor,
                                                                 Memory& memory);
  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> pass(k8s::ObjectKey key,
                                                                     k8s::Stopwatch& watch);

  World& world_;
  k8s::Api& api_;
  crypto::Entropy& entropy_;
  Reports& reports_;
  k8s::EventRecorder& events_;
  Settings settings_;
  std::function<void(k8s::Stopwatch::Duration)> on_pass_;
  std::map<k8s::ObjectKey, Memory> memory_;
};

}  // namespace genesis::control
