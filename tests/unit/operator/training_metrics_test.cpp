#include "operator/training_metrics.hpp"

#include "operator/metrics.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/operator/a_cluster.hpp"

namespace genesis::control {
namespace {

using std::chrono::seconds;

// What is scraped.
class Scrape {
 public:
  metrics::Registry registry;
  TrainingMetrics trainings{registry};

  [[nodiscard]] bool has(const std::string& line) {
    return ("\n" + registry.text()).find("\n" + line + "\n") != std::string::npos;
  }
  [[nodiscard]] bool mentions(const std::string& words) {
    return registry.text().find(words) != std::string::npos;
  }
};

Training a_running_training() {
  Training training = a_training(kThreeSites);
  training.status.phase = "Running";
  training.status.round = RoundStatus{2, 5, std::nullopt};
  training.status.clients = 3;
  training.status.start_time = kStart;
  training.status.conditions = {
      {std::string(kTraining), true, std::string(reason::kRunningRounds), "", kStart, 1},
      {std::string(kFailed), false, std::string(reason::kNoFailure), "", kStart, 1}};
  for (const char* const state : {"Training", "Training", "Lost"}) {
    training.status.participants.emplace_back().state = state;
  }
  return training;
}

TEST_CASE("training metrics: a running training shows phase, rounds, clients and sites",
          "[operator]") {
  Scrape scrape;
  scrape.trainings.show(a_running_training(), kStart + seconds(60));
  INFO(scrape.registry.text());
  CHECK(scrape.has(
      R"(genesis_training_status{name="hospitals",namespace="demo",phase="Running"} 1)"));
  CHECK(
      scrape.has(R"(genesis_training_status{name="hospitals",namespace="demo",phase="Failed"} 0)"));
  CHECK(scrape.has(
      R"(genesis_training_info{method="ctgan",name="hospitals",namespace="demo",strategy="weighted"} 1)"));
  CHECK(scrape.has(
      R"(genesis_training_condition{name="hospitals",namespace="demo",reason="RunningRounds",type="Training"} 1)"));
  CHECK_FALSE(scrape.mentions(R"(type="Failed")"));
  CHECK(scrape.has(R"(genesis_training_round{name="hospitals",namespace="demo"} 2)"));
  CHECK(scrape.has(R"(genesis_training_rounds{name="hospitals",namespace="demo"} 5)"));
  CHECK(scrape.has(R"(genesis_training_clients{name="hospitals",namespace="demo"} 3)"));
  CHECK(scrape.has(R"(genesis_training_clients_needed{name="hospitals",namespace="demo"} 2)"));
  CHECK(scrape.has(
      R"(genesis_training_participants{name="hospitals",namespace="demo",state="Training"} 2)"));
  CHECK(scrape.has(
      R"(genesis_training_participants{name="hospitals",namespace="demo",state="Lost"} 1)"));
  CHECK(scrape.has(
      R"(genesis_training_round_deadline_seconds{name="hospitals",namespace="demo"} 300)"));
  CHECK(scrape.has(
      R"(genesis_training_start_timestamp_seconds{name="hospitals",namespace="demo"} 1767225600)"));
  CHECK(scrape.has(
      R"(genesis_training_progress_timestamp_seconds{name="hospitals",namespace="demo"} 1767225660)"));
  CHECK_FALSE(scrape.mentions("genesis_training_completion_timestamp_seconds{"));
  CHECK_FALSE(scrape.mentions("genesis_training_privacy_epsilon{"));
}

TEST_CASE("training metrics: a failure and its reason stay, and what no longer holds goes",
          "[operator]") {
  Scrape scrape;
  Training training = a_running_training();
  scrape.trainings.show(training, kStart);
  training.status.phase = "Failed";
  training.status.conditions[0].holds = false;
  training.status.conditions[1] = {
      std::string(kFailed), true, std::string(reason::kQuorumImpossible), "", kStart, 1};
  training.status.completion_time = kStart + seconds(90);
  scrape.trainings.show(training, kStart + seconds(90));
  INFO(scrape.registry.text());
  CHECK(
      scrape.has(R"(genesis_training_status{name="hospitals",namespace="demo",phase="Failed"} 1)"));
  CHECK(scrape.has(
      R"(genesis_training_status{name="hospitals",namespace="demo",phase="Running"} 0)"));
  CHECK(scrape.has(
      R"(genesis_training_condition{name="hospitals",namespace="demo",reason="QuorumImpossible",type="Failed"} 1)"));
  CHECK_FALSE(scrape.mentions(R"(type="Training")"));
  CHECK(scrape.has(
      R"(genesis_training_completion_timestamp_seconds{name="hospitals",namespace="demo"} 1767225690)"));
}

TEST_CASE("training metrics: progress is a change of round or phase, and no other write",
          "[operator]") {
  Scrape scrape;
  Training training = a_running_training();
  const std::string line =
      R"(genesis_training_progress_timestamp_seconds{name="hospitals",namespace="demo"} )";
  scrape.trainings.show(training, kStart);
  training.status.clients = 2;
  training.status.conditions[0].message = "said differently";
  scrape.trainings.show(training, kStart + seconds(10));
  CHECK(scrape.has(line + "1767225600"));
  training.status.round->current = 3;
  scrape.trainings.show(training, kStart + seconds(20));
  CHECK(scrape.has(line + "1767225620"));
  training.uid = "another of that name";
  scrape.trainings.show(training, kStart + seconds(30));
  CHECK(scrape.has(line + "1767225630"));
}

TEST_CASE("training metrics: two trainings are two, and a deleted one is none", "[operator]") {
  Scrape scrape;
  Training training = a_running_training();
  scrape.trainings.show(training, kStart);
  training.name = "banks";
  training.spec.privacy.differential_privacy = spec::DifferentialPrivacy{.epsilon = 1.5};
  scrape.trainings.show(training, kStart);
  CHECK(scrape.has(R"(genesis_training_privacy_epsilon{name="banks",namespace="demo"} 1.5)"));
  training.status.certificate_expiry = kStart;
  scrape.trainings.show(training, kStart);
  CHECK(scrape.has(
      R"(genesis_training_certificate_expiry_timestamp_seconds{name="banks",namespace="demo"} 1767225600)"));
  scrape.trainings.forget({"demo", "hospitals"});
  CHECK_FALSE(scrape.mentions("hospitals"));
  CHECK(scrape.mentions("banks"));
  training.status.certificate_expiry.reset();  // it is over
  scrape.trainings.show(training, kStart);
  CHECK_FALSE(scrape.mentions("certificate_expiry_timestamp_seconds{"));
  scrape.trainings.forget({"demo", "banks"});
  CHECK_FALSE(scrape.mentions("banks"));
}

TEST_CASE("training metrics: an invalid spec shows the status alone", "[operator]") {
  Training training = a_running_training();
  training.invalid = "spec.rounds.count: must be at least 1";
  for (const auto& [series, value] : series_of(training)) {
    CHECK(series.metric != TrainingMetric::kRounds);
    CHECK(series.metric != TrainingMetric::kClientsNeeded);
  }
}

TEST_CASE("metrics: writes of a status are counted by result", "[operator]") {
  metrics::Registry registry;
  Metrics metrics(registry);
  const auto requested = [&](const char* code, const char* method, const char* path) {
    metrics.requested({code, method, "host:443", path, Milliseconds(1)});
  };
  requested("200", "PATCH", "/apis/g/v1/namespaces/a/federatedtrainings/b/status?fieldManager=c");
  requested("500", "PATCH", "/apis/g/v1/namespaces/a/federatedtrainings/b/status");
  requested("<error>", "PATCH", "/apis/g/v1/namespaces/a/federatedtrainings/b/status");
  requested("404", "PATCH", "/apis/g/v1/namespaces/a/federatedtrainings/b/status");
  requested("200", "PATCH", "/apis/batch/v1/namespaces/a/jobs/status-of-b");
  requested("200", "GET", "/apis/g/v1/namespaces/a/federatedtrainings/b/status");
  const auto text = registry.text();
  CHECK(text.find(R"(genesis_operator_status_writes_total{result="success"} 1)") !=
        std::string::npos);
  CHECK(text.find(R"(genesis_operator_status_writes_total{result="error"} 2)") !=
        std::string::npos);
}

}  // namespace
}  // namespace genesis::control
