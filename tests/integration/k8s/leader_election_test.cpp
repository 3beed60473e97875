// Two candidates on one Lease of a real API server; processes, so that one can be killed.
#include "common/k8s/leader_election.hpp"

#include <csignal>
#include <cstring>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/k8s/cluster.hpp"

extern char** environ;

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

ElectionOptions quick(const std::string& identity) {
  ElectionOptions options;
  options.identity = identity;
  options.lease_duration = 4s;
  options.renew_deadline = 3s;
  options.retry_period = 300ms;
  return options;
}

// This program again, as a candidate.
class Candidate {
 public:
  Candidate(const std::string& ns, const std::string& identity) {
    ::setenv("GENESIS_TEST_NAMESPACE", ns.c_str(), 1);
    ::setenv("GENESIS_TEST_IDENTITY", identity.c_str(), 1);
    std::string program = "/proc/self/exe";
    std::string test = "[candidate]";
    std::array<char*, 3> arguments{program.data(), test.data(), nullptr};
    REQUIRE(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ) ==
            0);
  }
  ~Candidate() { end(SIGKILL); }
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;

  void end(int signal) {
    if (pid_ > 0) {
      ::kill(pid_, signal);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }

 private:
  pid_t pid_ = 0;
};

std::string holder(Cluster& cluster, const ObjectKey& key) {
  const auto lease = cluster.await(cluster.api->get(kLeases, key));
  return lease ? (*lease)["spec"].value("holderIdentity", "") : "";
}

volatile std::sig_atomic_t was_terminated = 0;

}  // namespace

TEST_CASE("k8s: a candidate for the others of this file", "[.][candidate]") {
  std::signal(SIGTERM, [](int) { was_terminated = 1; });
  const ObjectKey key(process_environment("GENESIS_TEST_NAMESPACE"), "leader");
  const std::string identity = process_environment("GENESIS_TEST_IDENTITY");
  REQUIRE_FALSE(identity.empty());
  Cluster cluster;
  LeaderElector elector(
      cluster.io.get_executor(), *cluster.api, key, quick(identity), LeaderElector::Callbacks());
  const auto has_ended = cluster.spawn(elector.run());
  bool is_stopped = false;
  cluster.until([&] {
    if (was_terminated != 0 && !is_stopped) {
      is_stopped = true;
      elector.stop();
    }
    return *has_ended;
  });
}

TEST_CASE("k8s: a killed leader is followed when its Lease has run out", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("elections");
  const ObjectKey key(ns, "leader");
  Candidate first(ns, "first");
  REQUIRE(cluster.until([&] { return holder(cluster, key) == "first"; }));
  Candidate second(ns, "second");

  const auto before = std::chrono::steady_clock::now();
  first.end(SIGKILL);
  REQUIRE(cluster.until([&] { return holder(cluster, key) == "second"; }));
  const auto killed = std::chrono::steady_clock::now() - before;
  CHECK(killed >= 2s);  // not before the Lease may have run out
  CHECK(killed < 15s);

  Candidate third(ns, "third");
  const auto lease = cluster.await(cluster.api->get(kLeases, key));
  CHECK((*lease)["spec"]["leaseTransitions"] == 1);
  second.end(SIGTERM);
  REQUIRE(cluster.until([&] { return holder(cluster, key) == "third"; }));
  third.end(SIGTERM);
  CHECK(holder(cluster, key).empty());  // given back
}

TEST_CASE("k8s: a leader goes on over a restart of the API server", "[integration]") {
  Cluster cluster;
  const std::string ns = cluster.a_namespace("election-restarts");
  const ObjectKey key(ns, "leader");
  ElectionOptions options = quick("me");
  options.lease_duration = 40s;
  options.renew_deadline = 30s;
  int stopped = 0;
  LeaderElector::Callbacks callbacks;
  callbacks.on_stopped = [&] { ++stopped; };
  LeaderElector elector(cluster.io.get_executor(), *cluster.api, key, options, callbacks);
  const auto has_ended = cluster.spawn(elector.run());
  REQUIRE(cluster.until([&] { return elector.is_leader(); }));
  cluster.restart_server();
  const auto lease = cluster.await(cluster.api->get(kLeases, key));
  const Json renewed = (*lease)["spec"]["renewTime"];
  CHECK(cluster.until([&] {
    const auto now = cluster.await(cluster.api->get(kLeases, key));
    return now && (*now)["spec"]["renewTime"] != renewed;
  }));
  CHECK(stopped == 0);
  elector.stop();
  CHECK(cluster.until([&] { return *has_ended; }));
  CHECK(holder(cluster, key).empty());
}
