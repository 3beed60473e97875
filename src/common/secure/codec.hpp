#pragma once
// Bytes of the messages of a secure sum: little-endian numbers and texts with their length before
// them, read within bounds. One value has one form, so that what is signed is what was read.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.hpp"

namespace genesis::secure {

class Writer {
 public:
  Writer() = default;
  /// Room for so many bytes, so that growing leaves no copy of a secret behind.
  explicit Writer(std::size_t bytes) { bytes_.reserve(bytes); }
  Writer& number(std::uint64_t value, std::size_t bytes);
  /// Its length in 4 bytes, then the text.
  Writer& text(std::string_view value);
  /// The bytes alone, of a length that the reader knows.
  Writer& raw(std::string_view value);
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// A view of bytes that outlive it. Errors of all: kDataLoss where the bytes end before,
/// kResourceExhausted above the given bound; both name the message.
class Reader {
 public:
  Reader(std::string_view message, std::string_view bytes) : message_(message), rest_(bytes) {}

  [[nodiscard]] Result<std::uint64_t> number(std::size_t bytes);
  /// A number of at most `most`.
  [[nodiscard]] Result<std::uint64_t> count(std::size_t bytes, std::uint64_t most);
  [[nodiscard]] Result<std::string_view> text(std::size_t most);
  [[nodiscard]] Result<std::string_view> raw(std::size_t bytes);
  /// Errors: kInvalidArgument where bytes are left.
  [[nodiscard]] Status end() const;
  [[nodiscard]] tl::unexpected<Error> wrong(Errc code, std::string_view what) const;

 private:
  std::string_view message_;
  std::string_view rest_;
};

}  // namespace genesis::secure
