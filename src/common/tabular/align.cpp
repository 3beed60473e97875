#include "common/tabular/align.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"

namespace genesis::tabular {
namespace {

tl::unexpected<Error> other_kind(const Column& column, Kind kind) {
  return fail(Errc::kInvalidArgument,
              "column '" + column.name + "' is " + std::string(to_string(column.kind)) +
                  " here, but the sites agreed on " + std::string(to_string(kind)) +
                  "; declare its kind");
}

Result<AlignedColumn> align_numbers(const Column& column, Kind kind, const std::string& format) {
  AlignedColumn aligned;
  if (!is_continuous(column.kind)) {
    if (!is_blank(column.categories)) {
      return other_kind(column, kind);
    }
    aligned.blank.assign(column.codes.size(), std::numeric_limits<double>::quiet_NaN());
    aligned.numbers = aligned.blank;
    return aligned;
  }
  const bool widened = column.kind == Kind::kInteger && kind == Kind::kDecimal;
  if (column.kind != kind && !widened) {
    return other_kind(column, kind);
  }
  if (kind == Kind::kDatetime && column.format != format) {
    GENESIS_ASSIGN(const auto here, DatetimeFormat::parse(column.format));
    GENESIS_ASSIGN(const auto agreed, DatetimeFormat::parse(format));
    if (!here.agrees_with(agreed)) {
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "' has the format " + column.format +
                      " here, but the sites agreed on " + format + "; declare its format");
    }
  }
  aligned.numbers = column.numbers;
  return aligned;
}

// The agreed word of the same truth value; nothing unless the domain has just two of them.
std::optional<std::uint32_t> code_of_truth(bool value, std::span<const std::string> domain) {
  if (domain.size() != 2) {
    return std::nullopt;
  }
  for (std::uint32_t code = 0; code < 2; ++code) {
    if (truth(domain[code]) == value && truth(domain[1 - code]) == !value) {
      return code;
    }
  }
  return std::nullopt;
}

// 0 and 1 as the agreed words for false and true.
Result<AlignedColumn> align_bits(const Column& column, const Agreed& agreed) {
  AlignedColumn aligned;
  aligned.codes.reserve(column.numbers.size());
  for (const double value : column.numbers) {
    const bool is_bit = value == 0.0 || value == 1.0;
    const auto code = is_bit ? code_of_truth(value == 1.0, agreed.domain) : std::nullopt;
    if (!std::isnan(value) && !code) {
      return other_kind(column, agreed.kind);
    }
    aligned.codes.push_back(code.value_or(kMissingCode));
  }
  return aligned;
}

Result<AlignedColumn> align_codes(const Column& column, const Agreed& agreed) {
  if (column.kind == Kind::kInteger && agreed.kind == Kind::kBoolean) {
    return align_bits(column, agreed);
  }
  if (is_continuous(column.kind)) {
    return other_kind(column, agreed.kind);
  }
  const auto domain = agreed.domain;
  std::vector<std::uint32_t> translation;
  translation.reserve(column.categories.size());
  for (const auto& category : column.categories) {
    const auto at = std::lower_bound(domain.begin(), domain.end(), category);
    if (at == domain.end() || *at != category) {
      const auto value = truth(category);
      const auto same = value ? code_of_truth(*value, domain) : std::nullopt;
      if (same) {
        translation.push_back(*same);
        continue;
      }
      if (agreed.other) {
        translation.push_back(static_cast<std::uint32_t>(domain.size()));
        continue;
      }
      const std::string near = nearest(category, domain);
      return fail(Errc::kInvalidArgument,
                  "column '" + column.name + "': " + in_quotes(category) +
                      " is not one of the agreed categories" +
                      (near.empty() ? "" : "; the nearest is " + in_quotes(near)));
    }
    translation.push_back(static_cast<std::uint32_t>(at - domain.begin()));
  }
  AlignedColumn aligned;
  aligned.codes.resize(column.codes.size());
  std::transform(column.codes.begin(), column.codes.end(), aligned.codes.begin(), [&](auto code) {
    return code == kMissingCode ? kMissingCode : translation[code];
  });
  return aligned;
}

}  // namespace

Result<AlignedColumn> align(const Column& column, const Agreed& agreed) {
  switch (agreed.kind) {
    case Kind::kInteger:
    case Kind::kDecimal:
    case Kind::kDatetime:
      return align_numbers(column, agreed.kind, agreed.format);
    case Kind::kCategory:
    case Kind::kBoolean:
      return align_codes(column, agreed);
    case Kind::kIdentifier:
      return AlignedColumn{};
  }
  return fail(Errc::kInternal, "unknown kind of column");
}

Result<const Column*> find_column(const Table& table, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    if (column.name == name) {
      return &column;
    }
    names.push_back(column.name);
  }
  const std::string near = nearest(name, names);
  return fail(Errc::kInvalidArgument,
              "column '" + name + "' is not in the table" +
                  (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

}  // namespace genesis::tabular
