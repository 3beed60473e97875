#pragma once
// RFC 4648 section 4: bytes in kubeconfigs, Secrets and digest headers. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace genesis {

std::string base64_encode(std::string_view bytes);

/// nullopt for anything but padded base64; line breaks and blanks are skipped.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace genesis
