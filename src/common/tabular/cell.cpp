#include "common/tabular/cell.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/check.hpp"

namespace genesis::tabular {
namespace {

constexpr double kExactBound = 9007199254740992.0;  // 2^53
constexpr double kLargest = 1e300;                  // leaves room for differences and squares

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::size_t count_digits(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) {
    ++end;
  }
  return end - from;
}

enum class LeadingZeros { kRefused, kAllowed };

std::optional<Number> parse(std::string_view text, LeadingZeros leading_zeros) {
  constexpr std::size_t kLongest = 400;  // 1e300 written out, with decimals
  if (text.empty() || text.size() > kLongest) {
    return std::nullopt;
  }
  std::size_t at = text[0] == '-' ? 1 : 0;
  const std::size_t whole = count_digits(text, at);
  if (whole > 1 && text[at] == '0' && leading_zeros == LeadingZeros::kRefused) {
    return std::nullopt;
  }
  at += whole;
  std::size_t fraction = 0;
  const bool has_point = at < text.size() && text[at] == '.';
  if (has_point) {
    fraction = count_digits(text, at + 1);
    at += 1 + fraction;
  }
  if (whole + fraction == 0) {
    return std::nullopt;
  }
  int exponent = 0;
  const bool has_exponent = at < text.size() && (text[at] == 'e' || text[at] == 'E');
  if (has_exponent) {
    ++at;
    const bool plus = at < text.size() && text[at] == '+';
    const char* first = text.data() + at + (plus ? 1 : 0);
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, exponent);
    if (error != std::errc{} || end != last || (plus && first != last && *first == '-')) {
      return std::nullopt;
    }
    at = text.size();
  }
  if (at != text.size()) {
    return std::nullopt;
  }
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (error != std::errc{} || end != text.data() + text.size() ||
      !(std::abs(number.value) <= kLargest)) {
    return std::nullopt;
  }
  if (number.value == 0.0) {
    number.value = 0.0;  // no negative zero: it would be a second value beside zero
  }
  number.digits_only = !has_point && !has_exponent;
  number.integral = number.digits_only && std::abs(number.value) < kExactBound;
  number.decimals = std::max(0, static_cast<int>(fraction) - std::clamp(exponent, -400, 400));
  return number;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_missing_token(std::string_view text) {
  constexpr std::array<std::string_view, 5> kTokens = {"na", "n/a", "nan", "null", "none"};
  return text.empty() || std::any_of(kTokens.begin(), kTokens.end(), [&](std::string_view token) {
           return equals_ignoring_case(text, token);
         });
}

bool is_blank(std::span<const std::string> categories) {
  return std::all_of(categories.begin(), categories.end(), [](const auto& text) {
    return is_missing_token(trim(text));
  });
}

std::optional<Number> parse_number(std::string_view text) {
  return parse(text, LeadingZeros::kRefused);
}

std::optional<Number> parse_declared_number(std::string_view text) {
  return parse(text, LeadingZeros::kAllowed);
}

double power_of_ten(int places) {
  constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  GENESIS_CHECK(places >= 0 && places < 23, "exact powers of ten end at 22");
  return kPowers[static_cast<std::size_t>(places)];
}

double round_to(double value, int places) {
  const double power = power_of_ten(places);
  const double units = value * power;
  if (!(std::abs(units) < kExactBound)) {
    return value;
  }
  return std::nearbyint(units) / power + 0.0;
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    // RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      low = lead == 0xE0 ? 0xA0 : low;
      high = lead == 0xED ? 0x9F : high;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      low = lead == 0xF0 ? 0x90 : low;
      high = lead == 0xF4 ? 0x8F : high;
    } else {
      return false;
    }
    if (text.size() - at < length) {
      return false;
    }
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if (next < low || next > high) {
        return false;
      }
      low = 0x80;
      high = 0xBF;
    }
    at += length;
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 48;
  std::string shown = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7F ? '?' : c;
  }
  shown += text.size() > kShown ? "…\"" : "\"";
  return is_utf8(shown) ? shown : "(text that is not UTF-8)";
}

}  // namespace genesis::tabular
