#pragma once
// Time as an argument: rules take an Instant, shells take a Clock.
#include <chrono>

namespace genesis {

using Milliseconds = std::chrono::milliseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::steady_clock::now());
  }
};

/// Time since it was made, finer than an Instant: for figures that are reported, not for rules.
class Elapsed {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace genesis
