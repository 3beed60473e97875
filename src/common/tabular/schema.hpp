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

/// What a site lets out of its table. The spec, which others write, has no say in it.
struct SitePolicy {
  /// Text that fewer rows of the site hold stays there: it is no category of the sketch, so it
  /// reaches no plan, encoder, model or row. 1 lets all text out.
  std::uint64_t min_category_count = 5;
};

/// Other spellings of a value: cells that hold one of `from` are read as `value`.
struct Alias {
  std::string value;
  std::vector<std::string> from;
};

/// What the spec says of one column; everything absent is inferred.
struct Declaration {
  std::string name;
  std::optional<Kind> kind;
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::optional<int> precision;
  std::optional<std::string> format;
  std::vector<std::string> categories;
  std::vector<Alias> aliases;
  std::optional<std::vector<std::string>> missing_values;  // instead of the table's
  bool censored = false;               // integer, decimal: "<0.1" and ">900" are bounds
  std::optional<std::string> pattern;  // identifier: what stands in rows; # are the row's digits
  std::optional<std::string> other;    // category: what stands for text that is too rare to leave
};

/// The column that is made beside a censored one, with "<", "=" or ">" a row.
std::string flag_name(const std::string& column);

/// Whether `text` can be a declared pattern of identifiers: it has a # for digits, or is empty,
/// which stands for id-1, id-2 and so on.
bool is_pattern(std::string_view text);

}  // namespace genesis::tabular
