#pragma once
// Measures the processor time of one coroutine. Coroutines share a thread and give way to each
// other wherever they wait, so the clock of the thread counts for a coroutine only between its
// waits.
#include <chrono>
#include <ctime>

#include <boost/asio/awaitable.hpp>

namespace genesis::k8s {

class Stopwatch {
 public:
  using Duration = std::chrono::nanoseconds;

  /// The processor time since construction, without what was passed to excluding().
  [[nodiscard]] Duration elapsed() const {
    return is_paused_ ? elapsed_ : elapsed_ + (now() - since_);
  }

  /// Awaits `call` and leaves its time out. The stopwatch outlives it.
  template <typename T>
  [[nodiscard]] boost::asio::awaitable<T> excluding(boost::asio::awaitable<T> call) {
    const Pause pause(*this);
    co_return co_await std::move(call);
  }

 private:
  // Ends also where the call throws.
  class Pause {
   public:
    explicit Pause(Stopwatch& watch) : watch_(watch) {
      watch_.elapsed_ = watch_.elapsed();
      watch_.is_paused_ = true;
    }
    ~Pause() {
      watch_.since_ = now();
      watch_.is_paused_ = false;
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Stopwatch& watch_;
  };

  static Duration now() {
    std::timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  Duration since_ = now();
  Duration elapsed_{};
  bool is_paused_ = false;
};

}  // namespace genesis::k8s
