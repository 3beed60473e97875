#include "worker/host_name.hpp"

#include <array>
#include <climits>

#include <unistd.h>

namespace genesis::worker {

constexpr std::size_t kLongest = 58;

std::string client_id_of(const std::string& host) {
  std::string id;
  for (const char c : host) {
    const bool is_letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '.' || id.size() == kLongest) {
      break;
    }
    if (is_letter || !id.empty()) {
      id += is_letter || c == '_' ? c : '-';
    }
  }
  return id;
}

std::string id_of_host() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return client_id_of(name.data());
}

}  // namespace genesis::worker
