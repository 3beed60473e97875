#include "common/k8s/controller.hpp"

#include <map>

#include "tests/unit/k8s/fake_api.hpp"

using namespace genesis;
using namespace genesis::k8s;
using namespace genesis::k8s::test;

namespace {

const ObjectKey kA("ns", "a");
const ObjectKey kB("ns", "b");

// A controller whose reconciles do what `script` says for each try of a key.
struct Rig {
  using Script = std::function<Result<Reconciled>(const ObjectKey&, int tries)>;

  explicit Rig(Script script, Milliseconds each = 0ms)
      : script_(std::move(script)),
        each_(each),
        controller(io.get_executor(), [this](ObjectKey key) { return reconcile(key); }) {
    controller.on_reconciled([this](const ReconcileReport& report) {
      outcomes.push_back(report.key.name + (report.result ? "" : "!"));
    });
  }

  void run(std::size_t workers) {
    asio::co_spawn(io, controller.run(workers), [this](const std::exception_ptr& failure) {
      CHECK(failure == nullptr);
      has_ended = true;
    });
  }
  void finish() {
    controller.stop();
    CHECK(run_until(io, [this] { return has_ended; }));
  }

  asio::io_context io{1};
  Script script_;
  Milliseconds each_;
  std::map<ObjectKey, int> tries;
  int busy = 0;
  int most_busy = 0;
  std::vector<std::string> outcomes;
  bool has_ended = false;
  Controller controller;

 private:
  asio::awaitable<Result<Reconciled>> reconcile(ObjectKey key) {
    most_busy = std::max(most_busy, ++busy);
    const int tried = ++tries[key];
    if (each_ > 0ms) {
      asio::steady_timer timer(io, each_);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --busy;
    co_return script_(key, tried);
  }
};

using Outcomes = std::vector<std::string>;

}  // namespace

TEST_CASE("k8s: a failing key is tried again until it succeeds, then rests", "[k8s]") {
  Rig rig([](const ObjectKey&, int tries) -> Result<Reconciled> {
    if (tries < 4) {
      return fail(Errc::kUnavailable, "not yet");
    }
    return Reconciled{};
  });
  rig.controller.add(kA);
  rig.run(1);
  CHECK(run_until(rig.io, [&] { return rig.outcomes.size() == 4; }));
  rig.finish();
  CHECK(rig.outcomes == Outcomes{"a!", "a!", "a!", "a"});
  CHECK(rig.controller.queue().failures(kA) == 0);
  CHECK(rig.controller.queue().counters().retries == 3);
}

TEST_CASE("k8s: a key comes back at the time that it asked for", "[k8s]") {
  Rig rig([](const ObjectKey&, int tries) -> Result<Reconciled> {
    return tries == 1 ? Reconciled{20ms} : Reconciled{};
  });
  rig.run(2);
  rig.controller.add(kA);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run_until(rig.io, [&] { return rig.outcomes.size() == 2; }));
  CHECK(std::chrono::steady_clock::now() - begin >= 19ms);
  rig.finish();
}

TEST_CASE("k8s: as many keys as workers at a time, each of them once", "[k8s]") {
  Rig rig([](const ObjectKey&, int) -> Result<Reconciled> { return Reconciled{}; }, 5ms);
  rig.run(3);
  for (int i = 0; i < 12; ++i) {
    rig.controller.add(ObjectKey("ns", std::to_string(i)));
    rig.controller.add(ObjectKey("ns", std::to_string(i)));
  }
  CHECK(run_until(rig.io, [&] { return rig.outcomes.size() == 12; }));
  rig.finish();
  CHECK(rig.outcomes.size() == 12);
  CHECK(rig.most_busy == 3);
}

TEST_CASE("k8s: a stop waits for what is being worked on and takes nothing new", "[k8s]") {
  Rig rig([](const ObjectKey&, int) -> Result<Reconciled> { return Reconciled{}; }, 20ms);
  rig.controller.add(kA);
  rig.controller.add(kB);
  rig.run(1);
  CHECK(run_until(rig.io, [&] { return rig.busy == 1; }));
  rig.finish();
  CHECK(rig.outcomes == Outcomes{"a"});
}

TEST_CASE("k8s: a library's exception is the key's failure", "[k8s]") {
  Rig rig([](const ObjectKey&, int tries) -> Result<Reconciled> {
    if (tries == 1) {
      throw std::runtime_error("[json.exception]");
    }
    return Reconciled{};
  });
  rig.controller.add(kA);
  rig.run(1);
  CHECK(run_until(rig.io, [&] { return rig.outcomes.size() == 2; }));
  CHECK(rig.outcomes == Outcomes{"a!", "a"});
  rig.finish();
}
