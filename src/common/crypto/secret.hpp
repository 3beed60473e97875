#pragma once
// Tokens and passphrases in memory: they do not print, compare in constant time and are wiped when
// they go. What reveal() hands out must not be stored or logged.
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::crypto {

class Secret {
 public:
  Secret() = default;
  /// Copies `text`; the caller's copy stays the caller's to wipe.
  explicit Secret(std::string_view text);
  /// Takes `text` over and wipes it.
  explicit Secret(std::string&& text);
  ~Secret();
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;

  /// The text itself, valid as long as this object is unchanged.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  /// Takes as long for a near miss as for a far one: compares SHA-256 digests, so that not even
  /// the length shows.
  [[nodiscard]] bool equals(std::string_view candidate) const;
  friend bool operator==(const Secret& a, const Secret& b) { return a.equals(b.reveal()); }

 private:
  void wipe();
  std::vector<char>
      bytes_;  // not std::string: its short form would be copied by a move and left behind
};

std::ostream& operator<<(std::ostream&, const Secret&) = delete;

/// The bearer token on the first line of `text`, which is wiped. Errors: kInvalidArgument where
/// there is none, where it has other characters than visible ASCII, which no HTTP header may carry,
/// or where it is too short for 128 random bits: 22 characters, of hexadecimal digits 32.
[[nodiscard]] Result<Secret> parse_token(std::string text);

}  // namespace genesis::crypto
