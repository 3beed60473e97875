#include "common/federation/auth_token.hpp"

#include <cstdlib>

#include "common/base/file.hpp"

namespace genesis::federation {

Result<std::optional<crypto::Secret>> load_auth_token(const std::filesystem::path& file) {
  constexpr std::uint64_t kMaxTokenBytes = 4096;
  if (!file.empty()) {
    GENESIS_ASSIGN(auto text, read_file(file, kMaxTokenBytes));
    auto token = crypto::parse_token(std::move(text));
    if (!token) {
      return tl::unexpected(token.error().within(file.string()));
    }
    return std::move(*token);
  }
  if (const char* token = std::getenv("FEDERATED_AUTH_TOKEN"); token != nullptr && *token != '\0') {
    auto parsed = crypto::parse_token(token);
    if (!parsed) {
      return tl::unexpected(parsed.error().within("FEDERATED_AUTH_TOKEN"));
    }
    return std::move(*parsed);
  }
  return std::optional<crypto::Secret>();
}

}  // namespace genesis::federation
