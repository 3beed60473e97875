#pragma once
// One pass over one training: observe, plan, apply. What a pass learns that the cluster does not
// hold (refusals, names that are taken, a status that the cache has yet to see) is kept until the
// next.
#include <map>
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
             Applier& applier,
             Reports& reports,
             k8s::EventRecorder& events,
             Settings settings)
      : world_(world),
        applier_(applier),
        reports_(reports),
        events_(events),
        settings_(std::move(settings)) {}

  [[nodiscard]] boost::asio::awaitable<Result<k8s::Reconciled>> reconcile(k8s::ObjectKey key);

 private:
  struct Memory {
    std::string uid;
    std::vector<std::string> refusals;
    std::vector<Taken> taken;
    std::string base_version;  // of the training, when `written` was written over it
    std::optional<TrainingStatus> written;
  };

  [[nodiscard]] Observed observe(const k8s::ObjectKey& key, Memory& memory) const;
  [[nodiscard]] boost::asio::awaitable<void> ask_aggregator(Observed& seen);
  [[nodiscard]] boost::asio::awaitable<Status> look_at_taken(Training training, Memory& memory);
  [[nodiscard]] boost::asio::awaitable<Status> report(const k8s::ObjectKey& key,
                                                      Training training,
                                                      Plan plan,
                                                      Memory& memory);

  const World& world_;
  Applier& applier_;
  Reports& reports_;
  k8s::EventRecorder& events_;
  Settings settings_;
  std::map<k8s::ObjectKey, Memory> memory_;
};

}  // namespace genesis::control
