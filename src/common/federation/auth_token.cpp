#include "common/federation/auth_token.hpp"

#include <algorithm>
#include <cstdlib>

#include "common/base/file.hpp"

namespace genesis::federation {

Result<std::optional<crypto::Secret>> load_auth_token(const std::filesystem::path& file) {
  constexpr std::uint64_t kMaxTokenBytes = 4096;
  if (!file.empty()) {
    GENESIS_ASSIGN(auto text, read_file(file, kMaxTokenBytes));
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.empty()) {
      return fail(Errc::kInvalidArgument,
                  file.string() + ": empty; put the token on its first line");
    }
    return crypto::Secret(std::move(text));
  }
  if (const char* token = std::getenv("FEDERATED_AUTH_TOKEN"); token != nullptr && *token != '\0') {
    return crypto::Secret(std::string_view(token));
  }
  return std::optional<crypto::Secret>();
}

}  // namespace genesis::federation
