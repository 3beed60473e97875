#pragma once
// RFC 4648 section 4, as kubeconfigs and Secrets carry bytes. Pure.
#include <optional>
#include <string>
#include <string_view>

namespace genesis::k8s {

std::string base64_encode(std::string_view bytes);

/// nullopt for anything but padded base64; line breaks and blanks are skipped.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace genesis::k8s
