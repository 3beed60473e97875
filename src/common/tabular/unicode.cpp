#include "common/tabular/unicode.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include <utf8proc.h>

namespace genesis::tabular {
namespace {

// Code points of 0x80 to 0x9F in Windows-1252; 0 where none is defined.
constexpr std::array<char16_t, 32> kWindows1252 = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};
constexpr char32_t kReplacement = 0xFFFD;

void add_utf8(char32_t point, std::string& out) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes.data());
  out.append(bytes.begin(), bytes.begin() + size);
}

char32_t of_windows_1252(unsigned char byte) {
  if (byte < 0x80 || byte > 0x9F) {
    return byte;
  }
  const char16_t point = kWindows1252[byte - 0x80U];
  return point == 0 ? kReplacement : point;
}

struct Free {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

// `text` by utf8proc, or as it is where that fails.
std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* result = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()),
                                 &result,
                                 static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(result);
  return size < 0 ? std::string(text) : std::string(result, result + size);
}

bool is_ascii(std::string_view text) {
  return std::none_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

std::string_view to_string(Encoding encoding) {
  switch (encoding) {
    case Encoding::kUtf8:
      return "utf-8";
    case Encoding::kUtf16LittleEndian:
    case Encoding::kUtf16BigEndian:
      return "utf-16";
    case Encoding::kWindows1252:
      return "windows-1252";
    case Encoding::kLatin1:
      return "iso-8859-1";
  }
  return "";
}

std::optional<EncodingSign> encoding_sign(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) {
    return EncodingSign{Encoding::kUtf8, 3};
  }
  if (head.starts_with("\xFF\xFE")) {
    return EncodingSign{Encoding::kUtf16LittleEndian, 2};
  }
  if (head.starts_with("\xFE\xFF")) {
    return EncodingSign{Encoding::kUtf16BigEndian, 2};
  }
  // Without a mark: in mostly Latin text every other byte is zero.
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < head.size(); ++i) {
    zeros[i % 2] += head[i] == '\0' ? 1 : 0;
  }
  const std::size_t half = head.size() / 2;
  const bool even = zeros[0] * 10 > half * 7 && zeros[1] * 10 < half;
  const bool odd = zeros[1] * 10 > half * 7 && zeros[0] * 10 < half;
  if (head.size() >= 8 && (even || odd)) {
    return EncodingSign{even ? Encoding::kUtf16BigEndian : Encoding::kUtf16LittleEndian, 0};
  }
  return std::nullopt;
}

Status Transcoder::append_utf16(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!half_) {
      half_ = byte;
      continue;
    }
    const bool little = encoding_ == Encoding::kUtf16LittleEndian;
    const char32_t unit = little ? static_cast<char32_t>(*half_ | byte << 8U)
                                 : static_cast<char32_t>(*half_ << 8U | byte);
    half_.reset();
    const bool is_high = unit >= 0xD800 && unit < 0xDC00;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (high_surrogate_.has_value() != is_low) {
      return fail(Errc::kInvalidArgument, "damaged UTF-16: half of a surrogate pair");
    }
    if (is_high) {
      high_surrogate_ = unit;
    } else if (is_low) {
      add_utf8(0x10000 + ((*high_surrogate_ - 0xD800) << 10U) + (unit - 0xDC00), out);
      high_surrogate_.reset();
    } else {
      add_utf8(unit, out);
    }
  }
  return {};
}

Status Transcoder::append(std::string_view bytes, std::string& out) {
  switch (encoding_) {
    case Encoding::kUtf8:
      out += bytes;
      return {};
    case Encoding::kUtf16LittleEndian:
    case Encoding::kUtf16BigEndian:
      return append_utf16(bytes, out);
    case Encoding::kWindows1252:
    case Encoding::kLatin1:
      for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
          out += c;
        } else {
          add_utf8(encoding_ == Encoding::kLatin1 ? byte : of_windows_1252(byte), out);
        }
      }
      return {};
  }
  return {};
}

Status Transcoder::finish() const {
  if (half_ || high_surrogate_) {
    return fail(Errc::kInvalidArgument, "the UTF-16 text ends within a character; was it cut?");
  }
  return {};
}

std::optional<std::string> from_windows_1252(std::string_view text) {
  constexpr std::string_view kRare =
      "\x81\x83\x86\x87\x88\x89\x8B\x8D\x8F\x90\x98\x9B\x9D\xAC\xAF\xFF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kRare.find(c) != std::string_view::npos) {
      return std::nullopt;
    }
    if (byte < 0x80) {
      result += c;
    } else {
      add_utf8(of_windows_1252(byte), result);
    }
  }
  return result;
}

std::string composed(std::string_view text) {
  if (is_ascii(text)) {
    return std::string(text);
  }
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string folded(std::string_view text) {
  const std::string plain = mapped(text,
                                   UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
                                       UTF8PROC_STRIPMARK | UTF8PROC_COMPAT);
  std::string result;
  std::copy_if(plain.begin(), plain.end(), std::back_inserter(result), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
  return result.empty() ? plain : result;
}

}  // namespace genesis::tabular
