#include "operator/time.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace genesis::control {

SystemTime now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string to_rfc3339(SystemTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::optional<SystemTime> parse_rfc3339(std::string_view text) {
  constexpr std::size_t kWhole = 19;  // 2026-03-01T12:00:00
  if (text.size() <= kWhole || text.size() > 40 || text.back() != 'Z') {
    return std::nullopt;
  }
  std::tm parts{};
  const std::string whole(text.substr(0, kWhole));
  const char* const end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || *end != '\0') {
    return std::nullopt;
  }
  return SystemTime(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace genesis::control
