#include "worker/metrics.hpp"

#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::worker;

namespace {

void says(metrics::Registry& registry, const std::string& line) {
  CHECK_THAT("\n" + registry.text(), ContainsSubstring("\n" + line + "\n"));
}

}  // namespace

TEST_CASE("worker: steps and epochs are measured", "[worker]") {
  metrics::Registry registry;
  Metrics metrics(registry);
  says(registry, "genesis_local_epochs_total 0");
  says(registry, "genesis_local_step_seconds_count 0");
  metrics.began(RoundId{4});
  metrics.stepped({.seconds = 0.0175, .ends_epoch = false});
  metrics.stepped({.seconds = 0.5, .ends_epoch = true});
  says(registry, "genesis_local_round 4");
  says(registry, "genesis_local_epochs_total 1");
  says(registry, "genesis_local_step_seconds_count 2");
  says(registry, "genesis_local_step_seconds_sum 0.5175");
  says(registry, "genesis_local_step_seconds_bucket{le=\"0.016\"} 0");
  says(registry, "genesis_local_step_seconds_bucket{le=\"0.032\"} 1");
  says(registry, "genesis_local_step_seconds_bucket{le=\"+Inf\"} 2");
}

TEST_CASE("worker: a site is told what a training claims and all of them have spent", "[worker]") {
  metrics::Registry registry;
  Metrics metrics(registry);
  CHECK_THAT(registry.text(), !ContainsSubstring("genesis_local_privacy_epsilon{"));
  metrics.protects(3, 4.5, 6);
  says(registry, "genesis_local_privacy_epsilon{kind=\"claimed\"} 3");
  says(registry, "genesis_local_privacy_epsilon{kind=\"spent\"} 4.5");
  says(registry, "genesis_local_privacy_epsilon{kind=\"worst_spent\"} 6");
  CHECK_THAT(registry.text(), !ContainsSubstring("kind=\"total\""));
  metrics.bounds(8);
  says(registry, "genesis_local_privacy_epsilon{kind=\"total\"} 8");
}

TEST_CASE("worker: what a training came to and what travelled are told", "[worker]") {
  metrics::Registry registry;
  Metrics metrics(registry);
  const std::vector<method::TelemetryName> shown{{"loss", "A loss."}, {"norm", "A norm."}};
  metrics.show(shown);
  metrics.show(shown);  // once more, as a client does that takes another name
  metrics.trained({{"loss", 1.5}, {"norm", 3}, {"something", 4}});
  metrics.received("none", 100);
  metrics.sent("gzip", 7);
  metrics.retried();
  says(registry, "genesis_local_loss 1.5");
  says(registry, "genesis_local_norm 3");
  CHECK(registry.text().find("something") == std::string::npos);
  says(registry, "genesis_update_bytes_total{direction=\"received\",encoding=\"none\"} 100");
  says(registry, "genesis_update_bytes_total{direction=\"sent\",encoding=\"gzip\"} 7");
  says(registry, "genesis_update_bytes_total{direction=\"sent\",encoding=\"none\"} 0");
  says(registry, "genesis_retried_requests_total 1");
}

TEST_CASE("worker: it is ready while it is a member", "[worker]") {
  metrics::Registry registry;
  Metrics metrics(registry);
  const auto why_not = metrics.checks().why_not_ready;
  CHECK(why_not() == "has not joined the training yet");
  metrics.joined(400);
  CHECK(why_not() == std::nullopt);
  says(registry, "genesis_local_rows 400");
  metrics.joining();
  CHECK(why_not() == "has not joined the training yet");
}
