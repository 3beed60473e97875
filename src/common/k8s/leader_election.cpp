#include "common/k8s/leader_election.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "common/base/rng.hpp"
#include "common/k8s/lease.hpp"

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

Instant now() {
  return SteadyClock{}.now();
}

}  // namespace

class LeaderElector::Impl {
 public:
  Impl(asio::any_io_executor executor,
       Api& api,
       ObjectKey lease,
       ElectionOptions options,
       Callbacks callbacks)
      : api_(api),
        key_(std::move(lease)),
        options_(std::move(options)),
        callbacks_(std::move(callbacks)),
        pause_(executor),
        jitter_(0, RoundId{}, options_.identity, "leader election") {}

  asio::awaitable<void> run() {
    while (!is_stopping_) {
      co_await try_once();
      if (has_lost_) {
        co_return;
      }
      if (!is_stopping_) {
        pause_.expires_after(next_pause());
        co_await pause_.async_wait(kAsTuple);
      }
    }
    if (is_leader()) {
      lose();
      co_await give_back();
    }
  }

  void stop() {
    is_stopping_ = true;
    pause_.cancel();
  }

  [[nodiscard]] bool is_leader() const { return state_.led_since.has_value(); }

 private:
  asio::awaitable<void> try_once() {
    // A leader writes over what it wrote last, without reading: whoever wrote in between shows as a
    // conflict.
    if (!is_leader() || must_read_) {
      const bool has_read = co_await read();
      if (!has_read && !is_leader()) {
        co_return;
      }
    }
    switch (decide(state_, options_, now())) {
      case ElectionMove::kWait:
        tell_holder();
        break;
      case ElectionMove::kStepDown:
        has_lost_ = true;
        lose();
        break;
      case ElectionMove::kCreate:
      case ElectionMove::kTake:
      case ElectionMove::kRenew:
        if (!must_read_) {
          co_await claim_lease();
        }
        break;
    }
  }

  asio::awaitable<bool> read() {
    Result<Json> lease = co_await api_.get(kLeases, key_, request_deadline());
    if (!lease && lease.error().code != Errc::kNotFound) {
      report(lease.error());
      must_read_ = true;
      co_return false;
    }
    must_read_ = false;
    if (!lease) {
      lease_ = nullptr;
      observe(state_, std::nullopt, now());
    } else {
      observe(state_, parse_lease(*lease), now());
      lease_ = std::move(*lease);
    }
    co_return true;
  }

  asio::awaitable<void> claim_lease() {
    const Instant begin = now();
    const LeaseRecord wanted = claim(state_.seen, options_, std::chrono::system_clock::now());
    Result<Json> written = co_await write(wanted, request_deadline());
    if (!written) {
      // Not known what is there now: another's record, or ours although the answer got lost.
      must_read_ = true;
      report(written.error());
      co_return;
    }
    observe(state_, parse_lease(*written), now());
    lease_ = std::move(*written);
    state_.renewed_at = begin;
    if (!is_leader() && !is_stopping_) {
      state_.led_since = begin;
      if (callbacks_.on_started) {
        callbacks_.on_started();
      }
    } else if (!is_leader()) {
      co_await give_back();  // won while stopping
    }
  }

  asio::awaitable<Result<Json>> write(LeaseRecord record, Milliseconds deadline) {
    WriteOptions options;
    options.deadline = deadline;
    Json body = lease_with(lease_, key_, record);
    if (record.resource_version.empty()) {
      return api_.create(kLeases, std::move(body), std::move(options));
    }
    return api_.replace(kLeases, std::move(body), std::move(options));
  }

  asio::awaitable<void> give_back() {
    const LeaseRecord free = release(*state_.seen, std::chrono::system_clock::now());
    Result<Json> written = co_await write(free, options_.renew_deadline / 2);
    if (!written) {
      report(written.error());
    }
  }

  void lose() {
    state_.led_since.reset();
    if (callbacks_.on_stopped) {
      callbacks_.on_stopped();
    }
  }

  // A leader's request may not last beyond the time at which it must step down.
  [[nodiscard]] Milliseconds request_deadline() const {
    if (!is_leader()) {
      return options_.renew_deadline;
    }
    const Milliseconds left = state_.renewed_at + options_.renew_deadline - now();
    return std::max(left, Milliseconds(1));
  }

  // Candidates spread out, so that a free Lease sees one writer first. A leader whose try failed
  // comes back in time to step down.
  Milliseconds next_pause() {
    const auto period = static_cast<std::uint64_t>(options_.retry_period.count());
    if (is_leader()) {
      const Milliseconds left = state_.renewed_at + options_.renew_deadline - now();
      return std::clamp(left, Milliseconds(0), options_.retry_period);
    }
    return Milliseconds(period + jitter_.below(period / 5 + 1));
  }

  void tell_holder() {
    if (state_.seen->holder != told_holder_) {
      told_holder_ = state_.seen->holder;
      if (callbacks_.on_observed) {
        callbacks_.on_observed(told_holder_);
      }
    }
  }

  void report(const Error& error) const {
    if (callbacks_.on_error) {
      callbacks_.on_error(error);
    }
  }

  // Constant.
  Api& api_;
  ObjectKey key_;
  ElectionOptions options_;
  Callbacks callbacks_;
  // Strand.
  asio::steady_timer pause_;
  Rng jitter_;
  ElectionState state_;
  Json lease_;  // as last read or written; null where there is none
  std::string told_holder_;
  bool must_read_ = false;
  bool has_lost_ = false;
  bool is_stopping_ = false;
};

LeaderElector::LeaderElector(asio::any_io_executor executor,
                             Api& api,
                             ObjectKey lease,
                             ElectionOptions options,
                             Callbacks callbacks)
    : impl_(std::make_unique<Impl>(
          std::move(executor), api, std::move(lease), std::move(options), std::move(callbacks))) {}
LeaderElector::~LeaderElector() = default;

asio::awaitable<void> LeaderElector::run() {
  return impl_->run();
}

void LeaderElector::stop() {
  impl_->stop();
}

bool LeaderElector::is_leader() const {
  return impl_->is_leader();
}

}  // namespace genesis::k8s
