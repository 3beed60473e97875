#include "common/base/base64.hpp"

#include <cstdint>

namespace genesis {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return at + i < bytes.size()
                 ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i]))
                 : 0U;
    };
    const std::uint32_t group = byte(0) << 16U | byte(1) << 8U | byte(2);
    for (std::size_t i = 0; i < 4; ++i) {
      const bool is_padding = at + i > bytes.size();
      text += is_padding ? '=' : kAlphabet[group >> (18U - 6U * i) & 63U];
    }
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  std::size_t filled = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') {
      continue;
    }
    const std::size_t value = c == '=' ? 0 : kAlphabet.find(c);
    if (value == std::string_view::npos || (padding > 0 && c != '=')) {
      return std::nullopt;
    }
    padding += c == '=' ? 1 : 0;
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (++filled < 4) {
      continue;
    }
    if (padding > 2) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < 3 - padding; ++i) {
      bytes += static_cast<char>(group >> (16U - 8U * i) & 255U);
    }
    group = 0;
    filled = 0;
    if (padding > 0) {
      padding = 3;  // the end: another group would be refused
    }
  }
  if (filled != 0) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace genesis
