#include "common/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

namespace genesis {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Levenshtein distance, ignoring case.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

struct Character {
  std::string_view bytes;
  std::size_t size = 1;
  std::uint32_t code = 0;
  bool is_valid = false;
};

// Of a text that is not empty. Where it starts with no UTF-8 (RFC 3629: no overlong form, no
// surrogate, nothing above U+10FFFF), one byte that is not valid.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80U) {
    return {text.substr(0, 1), 1, first, true};
  }
  struct Form {
    unsigned mask, lead;
    std::uint32_t smallest;
  };
  constexpr std::array<Form, 3> kForms = {
      {{0xE0U, 0xC0U, 0x80U}, {0xF0U, 0xE0U, 0x800U}, {0xF8U, 0xF0U, 0x10000U}}};
  for (std::size_t i = 0; i < kForms.size(); ++i) {
    const std::size_t size = i + 2;
    if ((first & kForms[i].mask) != kForms[i].lead || text.size() < size) {
      continue;
    }
    std::uint32_t code = first & ~kForms[i].mask & 0xFFU;
    bool is_valid = true;
    for (std::size_t at = 1; at < size; ++at) {
      is_valid = is_valid && (byte(at) & 0xC0U) == 0x80U;
      code = code << 6U | (byte(at) & 0x3FU);
    }
    const bool is_surrogate = code >= 0xD800U && code <= 0xDFFFU;
    if (is_valid && code >= kForms[i].smallest && code <= 0x10FFFFU && !is_surrogate) {
      return {text.substr(0, size), size, code, true};
    }
  }
  return {};
}

// Whether a terminal or a log would do something else with it than show it.
bool is_steering(std::uint32_t code) {
  const auto is_within = [code](std::uint32_t first, std::uint32_t last) {
    return code >= first && code <= last;
  };
  return code < 0x20U || is_within(0x7FU, 0x9FU) ||         // C0, DEL, C1
         is_within(0x2028U, 0x2029U) ||                     // line and paragraph separators
         code == 0x061CU || is_within(0x200EU, 0x200FU) ||  // bidirectional marks,
         is_within(0x202AU, 0x202EU) || is_within(0x2066U, 0x2069U);  // embeddings and isolates
}

}  // namespace

std::string nearest(std::string_view text, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestCompared = 256;
  if (text.size() > kLongestCompared) {
    return "";
  }
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 2) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::size_t utf8_size(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const Character first = first_character(text);
  return first.is_valid ? first.size : 0;
}

std::string printable(std::string_view text, std::size_t longest) {
  constexpr std::string_view kMore = "...";
  std::string out;
  out.reserve(std::min(text.size(), longest));
  std::size_t end_of_whole = 0;  // of what fits in front of kMore
  while (!text.empty()) {
    const Character next = first_character(text);
    text.remove_prefix(next.size);
    const std::string_view shown = !next.is_valid ? "?" : is_steering(next.code) ? " " : next.bytes;
    if (out.size() + shown.size() > longest) {
      out.resize(end_of_whole);
      return out.append(kMore.substr(0, longest - out.size()));
    }
    out += shown;
    if (out.size() + kMore.size() <= longest) {
      end_of_whole = out.size();
    }
  }
  return out;
}

std::string human_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024.0 && unit + 1 < kUnits.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text.data();
}

std::string without_quoted(std::string_view message) {
  std::string text;
  bool is_quoted = false;
  for (const char c : message) {
    if (c == '"') {
      text += is_quoted ? "" : "(a text)";
      is_quoted = !is_quoted;
    } else if (!is_quoted) {
      text += c;
    }
  }
  return text;
}

}  // namespace genesis
