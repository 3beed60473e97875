#include "common/base/ids.hpp"

#include <algorithm>

namespace genesis {
namespace {
constexpr std::size_t kMaxLength = 63;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
}  // namespace

Result<ClientId> ClientId::parse(std::string_view text) {
  const bool well_formed = !text.empty() && text.size() <= kMaxLength &&
                           is_alphanumeric(text.front()) &&
                           std::all_of(text.begin(), text.end(), [](char c) {
                             return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
                           });
  if (!well_formed) {
    return fail(Errc::kInvalidArgument,
                "client id: expected 1 to 63 letters, digits, '.', '_' or '-', starting with a "
                "letter or digit; got " +
                    std::to_string(text.size()) + " bytes");
  }
  return ClientId(std::string(text));
}

}  // namespace genesis
