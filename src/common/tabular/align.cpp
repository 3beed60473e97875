#include "common/tabular/align.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"

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
    return fail(Errc::kInvalidArgument,
                "column '" + column.name + "' has the format " + column.format +
                    " here, but the sites agreed on " + format + "; declare its format");
  }
  aligned.numbers = column.numbers;
  return aligned;
}

Result<AlignedColumn> align_codes(const Column& column,
                                  Kind kind,
                                  std::span<const std::string> domain) {
  if (is_continuous(column.kind)) {
    return other_kind(column, kind);
  }
  std::vector<std::uint32_t> translation;
  translation.reserve(column.categories.size());
  for (const auto& category : column.categories) {
    const auto at = std::lower_bound(domain.begin(), domain.end(), category);
    if (at == domain.end() || *at != category) {
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

Result<AlignedColumn> align(const Column& column,
                            Kind kind,
                            const std::string& format,
                            std::span<const std::string> domain) {
  switch (kind) {
    case Kind::kInteger:
    case Kind::kDecimal:
    case Kind::kDatetime:
      return align_numbers(column, kind, format);
    case Kind::kCategory:
    case Kind::kBoolean:
      return align_codes(column, kind, domain);
    case Kind::kIdentifier:
      if (is_continuous(column.kind)) {
        return other_kind(column, kind);
      }
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
