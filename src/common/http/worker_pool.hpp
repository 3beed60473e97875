#pragma once
// Threads beside a server's executor, for work that would hold up everybody else there: parsing a
// large body, making a large document. A handler awaits it:
//
//   auto parse = [body = std::move(request.body)] { return decode(body); };
//   auto parsed = co_await off_loop(request.pool, std::move(parse));
//
// Name the work and move it in: gcc 12 miscompiles a lambda that is written inside the call.
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace genesis::http {

class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Starts the threads at its first call. One thread at a time. They take no signals.
  [[nodiscard]] boost::asio::any_io_executor executor();
  /// Waits for the work that is running; what has not begun never does.
  void join();

 private:
  struct Threads;
  std::size_t count_;
  std::unique_ptr<Threads> threads_;
};

namespace detail {

// Runs `work` there, then hands its value over here: on the coroutine's executor.
template <typename Value, typename Work>
struct StartOffLoop {
  template <typename Continue>
  void operator()(Continue go_on, WorkerPool* pool, Work work) const {
    namespace asio = boost::asio;
    // Tracked, so that an io_context does not end while the work is elsewhere.
    auto here = asio::prefer(asio::get_associated_executor(go_on),
                             asio::execution::outstanding_work.tracked);
    auto job = [here = std::move(here),
                go_on = std::move(go_on),
                work = std::optional<Work>(std::move(work))]() mutable {
      std::optional<Value> value;
      std::exception_ptr failure;
      try {
        value.emplace((*work)());
      } catch (...) {
        failure = std::current_exception();
      }
      work.reset();  // what it held may be large, and its answer may be long in coming
      asio::post(here, [go_on = std::move(go_on), failure, value = std::move(value)]() mutable {
        std::move(go_on)(failure, std::move(value));
      });
    };
    asio::post(pool->executor(), std::move(job));
  }
};

}  // namespace detail

/// The value of `work()`, run on the pool while the executor goes on; what it throws is thrown
/// here. `work` owns all that it touches. It is not interrupted: a handler that is cancelled ends
/// after it. Without a pool (a request that a test made) it runs at once, here.
template <typename Work>
[[nodiscard]] boost::asio::awaitable<std::invoke_result_t<Work&>> off_loop(WorkerPool* pool,
                                                                           Work work) {
  using Value = std::invoke_result_t<Work&>;
  if (pool == nullptr) {
    co_return work();
  }
  using Token = const boost::asio::use_awaitable_t<>;
  detail::StartOffLoop<Value, Work> start;
  std::optional<Value> value =
      co_await boost::asio::async_initiate<Token, void(std::exception_ptr, std::optional<Value>)>(
          start, boost::asio::use_awaitable, pool, std::move(work));
  co_return std::move(*value);
}

}  // namespace genesis::http
