#pragma once
// Text that people read: suggestions and amounts.
#include <span>
#include <string>
#include <string_view>

namespace genesis {

/// The candidate nearest to `text` by edit distance, or "" when none is near enough to be meant.
std::string nearest(std::string_view text, std::span<const std::string> candidates);

/// 1536 -> "1.5 KiB".
std::string human_bytes(double bytes);

}  // namespace genesis
