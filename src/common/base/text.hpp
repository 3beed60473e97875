#pragma once
// Text that people read: suggestions, amounts, and what others wrote.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace genesis {

/// The candidate nearest to `text` by edit distance, or "" when none is near enough to be meant.
std::string nearest(std::string_view text, std::span<const std::string> candidates);

/// 1536 -> "1.5 KiB".
std::string human_bytes(double bytes);

/// What a peer, a file or another program said, fit for logs, terminals and a cluster's status: one
/// line without control characters, of at most `longest` bytes; a longer one ends in "...". UTF-8
/// is cut between characters, other bytes are kept as they are.
std::string printable(std::string_view text, std::size_t longest);

}  // namespace genesis
