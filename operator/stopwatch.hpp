#pragma once
// How much processor time a pass takes. Passes share one thread and let each other run where they
// wait for requests, so the thread's clock counts for a pass only between its waits.
#include <chrono>
#include <ctime>

namespace genesis::control {

class Stopwatch {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Around each wait for a request.
  void pause() { own_ += now() - since_; }
  void resume() { since_ = now(); }

  /// Of all that was not a wait.
  [[nodiscard]] Duration own() const { return own_ + (now() - since_); }

 private:
  static Duration now() {
    std::timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  Duration since_ = now();
  Duration own_{};
};

}  // namespace genesis::control
