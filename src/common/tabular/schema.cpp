#include "common/tabular/schema.hpp"

#include <array>
#include <utility>

#include "common/tabular/cell.hpp"

namespace genesis::tabular {
namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 6> kNames = {{
    {Kind::kInteger, "integer"},
    {Kind::kDecimal, "decimal"},
    {Kind::kDatetime, "datetime"},
    {Kind::kCategory, "category"},
    {Kind::kBoolean, "boolean"},
    {Kind::kIdentifier, "identifier"},
}};

}  // namespace

std::string_view to_string(Kind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) {
      return name;
    }
  }
  return "unknown";
}

bool is_pattern(std::string_view text) {
  return text.empty() || text.find('#') != std::string_view::npos;
}

std::string flag_name(const std::string& column) {
  return column + "_censored";
}

Result<Kind> parse_kind(std::string_view text) {
  for (const auto& [kind, name] : kNames) {
    if (name == text) {
      return kind;
    }
  }
  return fail(Errc::kInvalidArgument,
              in_quotes(text) +
                  " is not a kind of column; use integer, decimal, datetime, category, boolean "
                  "or identifier");
}

}  // namespace genesis::tabular
