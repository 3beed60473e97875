#pragma once
// All metrics of the operator. Names are those of controller-runtime and client-go where these have
// one, so that existing dashboards and alerts work.
#include <chrono>
#include <string>

#include "common/k8s/controller.hpp"
#include "common/k8s/rest_api.hpp"
#include "common/metrics/registry.hpp"

namespace genesis::control {

class Metrics {
 public:
  explicit Metrics(metrics::Registry& registry);

  void reconciled(const k8s::ReconcileReport& report, const k8s::Workqueue& queue);
  void passed(std::chrono::duration<double> own) { own_time_.observe(own.count()); }
  void requested(const k8s::RequestReport& report);
  void leads(bool is_leader) { leader_.set(is_leader ? 1.0 : 0.0); }
  void watches(std::size_t trainings) { trainings_.set(static_cast<double>(trainings)); }

 private:
  metrics::Family<metrics::Counter> reconciles_;
  metrics::Counter errors_;
  metrics::Histogram reconcile_time_;
  metrics::Histogram own_time_;
  metrics::Gauge depth_;
  metrics::Counter adds_;
  metrics::Counter retries_;
  metrics::Histogram queue_time_;
  metrics::Family<metrics::Counter> requests_;
  metrics::Family<metrics::Counter> status_writes_;
  metrics::Gauge leader_;
  metrics::Gauge trainings_;
};

}  // namespace genesis::control
