#pragma once
// What a site says of its table when it joins, and the schema that follows from the spec and from
// what all sites say. Of what the spec declares nothing is read from rows; of the rest a site tells
// names and kinds of columns, formats of dates, decimal places, and names of categories as far as
// they may leave. Pure.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/mixture/schema.hpp"
#include "common/mixture/settings.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/table.hpp"

namespace genesis::mixture {

/// A column as one site has it. `categories`, `kind`, `format` and `precision` are said only where
/// the spec does not declare them.
struct IntroducedColumn {
  std::string name;
  tabular::Kind kind = tabular::Kind::kDecimal;
  std::string format;
  std::vector<std::string> categories;
  std::optional<int> precision = std::nullopt;  // decimal places that most cells need
  bool has_rare_text = false;                   // and no category that may be told
  bool operator==(const IntroducedColumn&) const = default;
};

struct Introduction {
  std::optional<std::uint64_t> rows;  // not told under protection
  std::vector<IntroducedColumn> columns;
  bool operator==(const Introduction&) const = default;
};

/// Which names of a column's values a site tells.
using NameFilter = std::function<Result<std::vector<std::string>>(const tabular::Column&)>;

enum class Inference {
  kNone,   // a column of which nothing is declared is a number, on a grid that is the same for all
  kKinds,  // it has the kind that its cells have
};

/// Errors: kInvalidArgument names a column that the spec declares and the table lacks; those of
/// `names`.
[[nodiscard]] Result<Introduction> introduce(const tabular::Table& table,
                                             const spec::TableSpec& declared,
                                             Inference inference,
                                             const NameFilter& names);

/// What all sites say together, in the order of the first one's columns: dates in the finest of the
/// formats, one spelling of true and one of false. Errors: kInvalidArgument names
/// a column that not all of them have, or that is another thing at another site.
[[nodiscard]] Result<Introduction> merged(const std::vector<Introduction>& introductions);

/// The columns that all introductions together have, in the order of the first one. Errors:
/// kInvalidArgument names the column and what differs, or the field of spec.table that is missing.
[[nodiscard]] Result<Schema> schema_of(const spec::TableSpec& declared,
                                       const std::vector<Introduction>& introductions);

/// The columns that the spec names, as far as it declares them: of the others nothing is known
/// before a site tells. Errors: kInvalidArgument names the field of spec.table.
[[nodiscard]] Result<Schema> declared_schema(const spec::TableSpec& declared);

/// Whether `asked`, which came from a server, is what this site may count: every declared column is
/// as declared. Errors: kInvalidArgument names the column.
[[nodiscard]] Status check_asked(const spec::TableSpec& declared,
                                 const Introduction& own,
                                 const Schema& asked);

/// Where `target` is in the schema. Errors: kInvalidArgument, spec.model.target.
[[nodiscard]] Result<std::optional<std::uint32_t>> target_of(const Settings& settings,
                                                             const Schema& schema);

[[nodiscard]] std::string text_of(const Introduction& introduction);
/// Errors: kInvalidArgument names the field.
[[nodiscard]] Result<Introduction> parse_introduction(std::string_view text);

}  // namespace genesis::mixture
