#include "operator/metrics.hpp"

namespace genesis::control {
namespace {

constexpr const char* kController = "federatedtraining";

double seconds(Milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::vector<double> buckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};
}

metrics::Labels by_controller() {
  return {{"controller"}, 1};
}

metrics::Labels by_name() {
  return {{"name"}, 1};
}

}  // namespace

Metrics::Metrics(metrics::Registry& registry)
    : reconciles_(registry.counters({"controller_runtime_reconcile_total", "Reconciles by result."},
                                    {{"controller", "result"}, 8})),
      errors_(
          registry
              .counters({"controller_runtime_reconcile_errors_total", "Reconciles that failed."},
                        by_controller())
              .with({kController})),
      reconcile_time_(registry
                          .histograms({"controller_runtime_reconcile_time_seconds",
                                       "Duration of a reconcile including its requests."},
                                      by_controller(),
                                      buckets())
                          .with({kController})),
      own_time_(registry.histogram({"genesis_operator_reconcile_cpu_seconds",
                                    "Processor time of a reconcile without its requests."},
                                   buckets())),
      depth_(registry.gauges({"workqueue_depth", "Trainings waiting to be reconciled."}, by_name())
                 .with({kController})),
      adds_(registry.counters({"workqueue_adds_total", "Trainings added to the queue."}, by_name())
                .with({kController})),
      retries_(registry.counters({"workqueue_retries_total", "Retries after failures."}, by_name())
                   .with({kController})),
      queue_time_(registry
                      .histograms({"workqueue_queue_duration_seconds",
                                   "Time a training waits in the queue."},
                                  by_name(),
                                  buckets())
                      .with({kController})),
      requests_(registry.counters({"rest_client_requests_total", "Requests to the API server."},
                                  {{"code", "method", "host"}, 200})),
      status_writes_(registry.counters(
          {"genesis_operator_status_writes_total", "Statuses written, by result: success, error."},
          {{"result"}})),
      leader_(
          registry.gauges({"leader_election_master_status", "1 on the leading replica."}, by_name())
              .with({"genesis-operator"})),
      trainings_(
          registry.gauge({"genesis_trainings", "FederatedTrainings in the watched namespaces."})) {
  for (const char* const result : {"success", "requeue_after", "error"}) {
    (void)reconciles_.with({kController, result});
  }
  for (const char* const result : {"success", "error"}) {
    (void)status_writes_.with({result});
  }
}

void Metrics::reconciled(const k8s::ReconcileReport& report, const k8s::Workqueue& queue) {
  const char* const result = !report.result                 ? "error"
                             : report.result->requeue_after ? "requeue_after"
                                                            : "success";
  reconciles_.with({kController, result}).add();
  if (!report.result) {
    errors_.add();
  }
  reconcile_time_.observe(seconds(report.took));
  queue_time_.observe(seconds(report.waited));
  depth_.set(static_cast<double>(queue.depth()));
  adds_.raise_to(static_cast<double>(queue.counters().adds));
  retries_.raise_to(static_cast<double>(queue.counters().retries));
}

void Metrics::requested(const k8s::RequestReport& report) {
  requests_.with({std::string(report.code), std::string(report.method), std::string(report.host)})
      .add();
  const bool is_status = report.path.substr(0, report.path.find('?')).ends_with("/status");
  if (report.method == "PATCH" && is_status && report.code != "404") {  // else it is deleted
    status_writes_.with({report.code.starts_with('2') ? "success" : "error"}).add();
  }
}

}  // namespace genesis::control
