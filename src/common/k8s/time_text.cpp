#include "common/k8s/time_text.hpp"

#include <array>
#include <ctime>

namespace genesis::k8s {
namespace {

std::string seconds_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return text.data();
}

}  // namespace

std::string to_time(std::chrono::system_clock::time_point time) {
  return seconds_text(time) + "Z";
}

std::string to_micro_time(std::chrono::system_clock::time_point time) {
  const auto since = time - std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  // Seven digits, of which the first is dropped: leading zeros stay.
  const std::string digits = std::to_string(1'000'000 + micros).substr(1);
  return seconds_text(time) + "." + digits + "Z";
}

}  // namespace genesis::k8s
