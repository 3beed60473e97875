#pragma once
// Text that people read: suggestions, amounts, and what others wrote.
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace genesis {

/// `message` for others than those who hold the data: what stands in double quotes, as cells do in
/// messages of tabular, is left out.
[[nodiscard]] std::string without_quoted(std::string_view message);

/// The candidate nearest to `text` by edit distance, or "" when none is near enough to be meant.
std::string nearest(std::string_view text, std::span<const std::string> candidates);

/// 1536 -> "1.5 KiB".
std::string human_bytes(double bytes);

/// Bytes of the UTF-8 character (RFC 3629) that `text` starts with; 0 where it starts with none.
std::size_t utf8_size(std::string_view text);

/// What a peer, a file or another program said, fit for logs, terminals and a cluster's status: one
/// line of at most `longest` bytes; a longer one ends in "...", cut between characters. What could
/// begin a line, steer a terminal or turn the text around (the control characters C0, DEL and C1,
/// the line and paragraph separators, the bidirectional controls) becomes a space, and a byte that
/// is no UTF-8 a question mark.
std::string printable(std::string_view text,
                      std::size_t longest = std::numeric_limits<std::size_t>::max());

}  // namespace genesis
