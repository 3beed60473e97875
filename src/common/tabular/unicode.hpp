#pragma once
// Bytes of a file as UTF-8, and one form for each text. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::tabular {

enum class Encoding { kUtf8, kUtf16LittleEndian, kUtf16BigEndian, kWindows1252, kLatin1 };

std::string_view to_string(Encoding encoding);

/// What the first bytes of a file say: a byte order mark, or the zero bytes of UTF-16.
struct EncodingSign {
  Encoding encoding = Encoding::kUtf8;
  std::size_t mark_size = 0;  // bytes of the byte order mark
};
std::optional<EncodingSign> encoding_sign(std::string_view head);

/// Turns pieces of a file into UTF-8, wherever they are cut.
class Transcoder {
 public:
  explicit Transcoder(Encoding encoding) : encoding_(encoding) {}

  /// Adds the text of `bytes` to `out`. Errors: kInvalidArgument for half of a surrogate pair.
  [[nodiscard]] Status append(std::string_view bytes, std::string& out);
  /// Errors: kInvalidArgument where the file ends within a character.
  [[nodiscard]] Status finish() const;

 private:
  [[nodiscard]] Status append_utf16(std::string_view bytes, std::string& out);

  Encoding encoding_;
  std::optional<unsigned char> half_;  // first byte of a code unit
  std::optional<char32_t> high_surrogate_;
};

/// Text that is not UTF-8 as Windows-1252 reads it; nothing where it has bytes that hardly occur in
/// words.
std::optional<std::string> from_windows_1252(std::string_view text);

/// Unicode's composed form (NFC): one spelling of each letter. `text` is UTF-8.
std::string composed(std::string_view text);

/// What is left of a text for a comparison that forgives: composed, without case, accents, blanks
/// and punctuation. `text` is UTF-8.
std::string folded(std::string_view text);

}  // namespace genesis::tabular
