#include "common/k8s/controller.hpp"

#include <exception>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace genesis::k8s {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

Instant now() {
  return SteadyClock{}.now();
}

}  // namespace

class Controller::Impl {
 public:
  Impl(asio::any_io_executor executor, Reconciler reconcile, RateLimits limits)
      : reconcile_(std::move(reconcile)), wake_(executor), queue(limits) {}

  asio::awaitable<void> run(std::size_t workers) {
    while (!is_stopping_ || busy_ > 0) {
      while (!is_stopping_ && busy_ < workers) {
        std::optional<Workqueue::Item> item = queue.take(now());
        if (!item) {
          break;
        }
        ++busy_;
        asio::co_spawn(wake_.get_executor(), work(std::move(*item)), asio::detached);
      }
      const auto due = queue.next_due(now());
      const bool can_take = due.has_value() && !is_stopping_ && busy_ < workers;
      if (can_take) {
        wake_.expires_at(*due);
      } else {
        wake_.expires_at(std::chrono::steady_clock::time_point::max());
      }
      if (!is_stopping_ || busy_ > 0) {
        co_await wake_.async_wait(kAsTuple);
      }
    }
  }

  void stop() {
    is_stopping_ = true;
    wake_.cancel();
  }

  void wake() { wake_.cancel(); }

 private:
  asio::awaitable<void> work(Workqueue::Item item) {
    const Instant begin = now();
    Result<Reconciled> result = co_await reconcile_safely(item.key);
    const Instant end = now();
    queue.done(item.key, end);
    if (!result) {
      queue.add_rate_limited(item.key, end);
    } else {
      queue.forget(item.key);
      if (result->requeue_after) {
        queue.add_after(item.key, *result->requeue_after, end);
      }
    }
    --busy_;
    if (on_reconciled) {
      const ReconcileReport report{item.key, item.waited, end - begin, result};
      on_reconciled(report);
    }
    wake_.cancel();
  }

  // A library's exception in one reconcile is that key's failure, not the process's.
  asio::awaitable<Result<Reconciled>> reconcile_safely(ObjectKey key) {
    Result<Reconciled> result = fail(Errc::kInternal, "");
    try {
      result = co_await reconcile_(key);
    } catch (const std::exception& error) {
      result = fail(Errc::kInternal, key.str() + ": " + error.what());
    }
    co_return result;
  }

  Reconciler reconcile_;  // constant
  // Strand.
  asio::steady_timer wake_;
  std::size_t busy_ = 0;
  bool is_stopping_ = false;

 public:
  Workqueue queue;
  Observer on_reconciled;
};

Controller::Controller(asio::any_io_executor executor, Reconciler reconcile, RateLimits limits)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(reconcile), limits)) {}
Controller::~Controller() = default;

void Controller::on_reconciled(Observer observer) {
  impl_->on_reconciled = std::move(observer);
}

void Controller::add(const ObjectKey& key) {
  impl_->queue.add(key, now());
  impl_->wake();
}

void Controller::add_after(const ObjectKey& key, Milliseconds delay) {
  impl_->queue.add_after(key, delay, now());
  impl_->wake();
}

asio::awaitable<void> Controller::run(std::size_t workers) {
  return impl_->run(workers);
}

void Controller::stop() {
  impl_->stop();
}

const Workqueue& Controller::queue() const {
  return impl_->queue;
}

}  // namespace genesis::k8s
