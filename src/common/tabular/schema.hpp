#pragma once
// Kinds of columns and what is declared or known of each.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"

namespace genesis::tabular {

enum class Kind { kInteger, kDecimal, kDatetime, kCategory, kBoolean, kIdentifier };

std::string_view to_string(Kind kind);
Result<Kind> parse_kind(std::string_view text);

/// Continuous kinds have a number per cell; the others a category, or nothing to learn
/// (identifier).
constexpr bool is_continuous(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kDecimal || kind == Kind::kDatetime;
}

/// What the spec says of one column; everything absent is inferred.
struct Declaration {
  std::string name;
  std::optional<Kind> kind;
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::optional<int> precision;
  std::optional<std::string> format;
  std::vector<std::string> categories;
};

}  // namespace genesis::tabular
