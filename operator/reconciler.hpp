#pragma once
// One pass over one training: observe, plan, apply. What a pass learns that the cluster does not
// hold (refusals, names that are taken, a status that the cache has yet to see) is kept until the
// next.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "common/k8s/controller.hpp"
#include "common/k8s/event_recorder.hpp"
#include "operator/apply.hpp"
#include "operator/observe.hpp"
#include "operator/reports.hpp"

namespace genesis::control {

class Reconciler {
 public:
  /// All outlive it.
  Reconciler(const World& world,
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

  /// Told after each pass its processor time.
  void on_pass(std::function<void(Stopwatch::Duration own)> handler) {
    on_pass_ = std::move(handler);
  }

  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> reconcile(k8s::ObjectKey key);

 private:
  struct Memory {
    std::string uid;
    std::vector<std::string> refusals;
    std::optional<Hindrance> hindrance;
    std::vector<Taken> taken;
    std::string base_version;  // of the training, when `written` was written over it
    std::optional<TrainingStatus> written;
  };

  static void remember(const std::optional<Error>& hindrance, SystemTime now, Memory& memory);
  [[nodiscard]] Observed observe(const k8s::ObjectKey& key, Memory& memory) const;
  [[nodiscard]] boost::asio::awaitable<void> ask_aggregator(Observed& seen, Stopwatch& watch);
  [[nodiscard]] boost::asio::awaitable<Status> look_at_taken(Training training,
                                                             Applier& applier,
                                                             Memory& memory);
  [[nodiscard]] boost::asio::awaitable<Status> report(
      const k8s::ObjectKey& key, Training training, Plan plan, Applier& applier, Memory& memory);
  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> pass(k8s::ObjectKey key,
                                                                     Stopwatch& watch);

  const World& world_;
  k8s::Api& api_;
  crypto::Entropy& entropy_;
  Reports& reports_;
  k8s::EventRecorder& events_;
  Settings settings_;
  std::function<void(Stopwatch::Duration)> on_pass_;
  std::map<k8s::ObjectKey, Memory> memory_;
};

}  // namespace genesis::control
