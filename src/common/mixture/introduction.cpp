#include "common/mixture/introduction.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/json.hpp"
#include "common/base/text.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::mixture {
namespace {

using tabular::Kind;

const spec::DeclaredColumn* declared_of(const spec::TableSpec& table, std::string_view name) {
  const auto found = std::ranges::find(table.columns, name, &spec::DeclaredColumn::name);
  return found == table.columns.end() ? nullptr : &*found;
}

// The kind that the spec says, as far as it says one.
std::optional<Kind> declared_kind(const spec::TableSpec& table, const std::string& name) {
  const auto* column = declared_of(table, name);
  if (column != nullptr && column->kind) {
    if (auto kind = tabular::parse_kind(*column->kind)) {  // the schema's enum has the same words
      return *kind == Kind::kBoolean ? Kind::kCategory : *kind;
    }
  }
  return std::ranges::find(table.discrete_columns, name) != table.discrete_columns.end()
             ? std::optional(Kind::kCategory)
             : std::nullopt;
}

Kind kind_of_cells(const tabular::Column& column, Inference inference) {
  if (inference == Inference::kNone) {
    return Kind::kDecimal;
  }
  return column.kind == Kind::kBoolean ? Kind::kCategory : column.kind;
}

Status check_present(const tabular::Table& table, const std::string& name, std::string_view field) {
  std::vector<std::string> present;
  for (const auto& column : table.columns) {
    present.push_back(column.name);
  }
  if (std::ranges::find(present, name) != present.end()) {
    return {};
  }
  const auto near = nearest(name, present);
  return fail(Errc::kInvalidArgument,
              std::string(field) + ": the table has no column '" + name + "'" +
                  (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

tl::unexpected<Error> wrong(std::string_view column, const std::string& what) {
  return fail(Errc::kInvalidArgument, "table.columns[" + std::string(column) + "]" + what);
}

// Bounds that the spec declares, as numbers.
struct Bounds {
  std::optional<double> minimum;
  std::optional<double> maximum;
};

Result<Bounds> bounds_of(const spec::DeclaredColumn& declared, const Column& column) {
  if (column.kind != Kind::kDatetime) {
    return Bounds{declared.minimum, declared.maximum};
  }
  Bounds bounds;
  GENESIS_ASSIGN(const auto format, tabular::DatetimeFormat::parse(column.format));
  const std::array dates{std::tuple("earliest", &declared.earliest, &bounds.minimum),
                         std::tuple("latest", &declared.latest, &bounds.maximum)};
  for (const auto& [field, text, bound] : dates) {
    if (*text) {
      *bound = format.read(**text);
      if (!*bound) {
        return wrong(column.name,
                     std::string(".") + field + ": '" + **text + "' is no date of the format " +
                         column.format);
      }
    }
  }
  return bounds;
}

// What the spec declares of one column goes over what sites have told.
Status declare(Column& column, const spec::DeclaredColumn& declared) {
  if (declared.nullable) {
    column.missing = *declared.nullable ? Missing::kDeclared : Missing::kNever;
  }
  column.format = declared.format.value_or(column.format);
  if (declared.precision) {
    column.has_precision = true;
    column.precision =
        static_cast<int>(std::min<std::int64_t>(*declared.precision, tabular::kMaxPrecision));
  }
  if (column.kind == Kind::kCategory) {
    std::set<std::string> categories(column.categories.begin(), column.categories.end());
    if (!declared.categories.empty()) {
      categories = {declared.categories.begin(), declared.categories.end()};
    }
    if (declared.other) {
      categories.insert(*declared.other);
    }
    categories.erase("");  // the empty cell is a missing value
    column.categories.assign(categories.begin(), categories.end());
    if (declared.other) {
      column.other = static_cast<std::uint32_t>(
          std::ranges::find(column.categories, *declared.other) - column.categories.begin());
    }
  }
  if (!column.is_number()) {
    return {};
  }
  if (column.kind == Kind::kDatetime && column.format.empty()) {
    return wrong(column.name, ".format: is missing; dates cannot be counted without it");
  }
  GENESIS_ASSIGN(const auto bounds, bounds_of(declared, column));
  if (bounds.minimum && bounds.maximum && column.has_precision) {
    if (auto set = set_bounds(column, *bounds.minimum, *bounds.maximum); !set) {
      return wrong(column.name, ": " + set.error().message);
    }
  }
  return {};
}

bool is_plain_number(Kind kind) {
  return kind == Kind::kInteger || kind == Kind::kDecimal;
}

// A category column of which nothing is told: that of a site that may have no value.
bool is_silent(const IntroducedColumn& column) {
  return column.kind == Kind::kCategory && column.categories.empty() && !column.has_rare_text;
}

bool are_truths(const IntroducedColumn& column) {
  return column.kind == Kind::kCategory && !column.categories.empty() &&
         std::ranges::all_of(column.categories,
                             [](const auto& word) { return tabular::truth(word).has_value(); });
}

// The kind of two sites' cells; nothing where they are different things.
std::optional<Kind> common_kind(const IntroducedColumn& one, const IntroducedColumn& other) {
  if (one.kind == other.kind || is_silent(other)) {
    return one.kind;
  }
  if (is_silent(one)) {
    return other.kind;
  }
  if (is_plain_number(one.kind) && is_plain_number(other.kind)) {
    return Kind::kDecimal;
  }
  const bool is_text = !tabular::is_continuous(one.kind) && !tabular::is_continuous(other.kind);
  if (is_text) {
    return Kind::kIdentifier;  // at a small site the texts of one may seem to be categories
  }
  const bool is_truth = (are_truths(one) && other.kind == Kind::kInteger) ||
                        (are_truths(other) && one.kind == Kind::kInteger);
  return is_truth ? std::optional(Kind::kCategory) : std::nullopt;  // 1 and 0 beside yes and no
}

// The finer one of two formats writes the moments of both; of equals the one with the year first.
Result<std::string> common_format(const IntroducedColumn& one, const IntroducedColumn& other) {
  if (one.format == other.format || other.format.empty()) {
    return one.format;
  }
  if (one.format.empty()) {
    return other.format;
  }
  GENESIS_ASSIGN(const auto first, tabular::DatetimeFormat::parse(one.format));
  GENESIS_ASSIGN(const auto second, tabular::DatetimeFormat::parse(other.format));
  if (!first.agrees_with(second)) {
    return fail(Errc::kInvalidArgument,
                "column '" + one.name + "': the format is " + one.format + " at one site and " +
                    other.format +
                    " at another; declare the column in table.columns, or correct "
                    "the data");
  }
  const bool is_second =
      second.step() < first.step() ||
      (second.step() == first.step() && second.is_year_first() && !first.is_year_first());
  return is_second ? other.format : one.format;
}

// What two sites say of the same undeclared column becomes one.
Status merge(IntroducedColumn& all, const IntroducedColumn& one) {
  const auto kind = common_kind(all, one);
  if (!kind) {
    return fail(Errc::kInvalidArgument,
                "column '" + all.name + "': is " + std::string(tabular::to_string(all.kind)) +
                    " at one site and " + std::string(tabular::to_string(one.kind)) +
                    " at another; declare its kind in table.columns, or correct the data");
  }
  GENESIS_ASSIGN(all.format, common_format(all, one));
  if (one.precision) {
    all.precision = std::max(all.precision.value_or(0), *one.precision);
  }
  all.kind = *kind;
  all.has_rare_text = all.has_rare_text || one.has_rare_text;
  std::set<std::string> categories(all.categories.begin(), all.categories.end());
  categories.insert(one.categories.begin(), one.categories.end());
  all.categories.assign(categories.begin(), categories.end());
  return {};
}

// More than one spelling of true and false, or whole numbers beside one, become one.
void settle_truth(IntroducedColumn& all, const std::vector<const IntroducedColumn*>& sites) {
  const bool has_numbers = std::ranges::any_of(
      sites, [](const auto* site) { return tabular::is_continuous(site->kind); });
  const bool are_both = all.categories.size() == 2 && tabular::is_boolean(all.categories);
  if (!are_truths(all) || are_both || (all.categories.size() <= 2 && !has_numbers)) {
    return;
  }
  all.categories = {"false", "true"};
}

using Places = std::map<std::string_view, std::size_t>;

Places places_of(const Introduction& introduction) {
  Places places;
  for (std::size_t i = 0; i < introduction.columns.size(); ++i) {
    places.emplace(introduction.columns[i].name, i);
  }
  return places;
}

// A column of `one` that is not among `others`, or "".
std::string lacking(const Introduction& one, const Places& others) {
  for (const auto& column : one.columns) {
    if (!others.contains(column.name)) {
      return column.name;
    }
  }
  return "";
}

Result<Column> column_of(const spec::TableSpec& declared, const IntroducedColumn& introduced) {
  Column column;
  column.name = introduced.name;
  column.kind = declared_kind(declared, introduced.name).value_or(introduced.kind);
  column.has_precision = column.kind != Kind::kDecimal || introduced.precision;
  column.precision = column.kind == Kind::kDecimal ? introduced.precision.value_or(0) : 0;
  column.format = column.kind == Kind::kDatetime ? introduced.format : "";
  if (column.kind == Kind::kCategory) {
    column.categories = introduced.categories;
    std::ranges::sort(column.categories);
  }
  const auto* of_spec = declared_of(declared, introduced.name);
  GENESIS_RETURN_IF_ERROR(declare(column, of_spec == nullptr ? spec::DeclaredColumn{} : *of_spec));
  if (column.categories.size() > kMaxCategories) {
    return wrong(column.name,
                 ": more than 4096 categories; declare it kind identifier, or fewer categories");
  }
  return column;
}

}  // namespace

Result<Introduction> introduce(const tabular::Table& table,
                               const spec::TableSpec& declared,
                               Inference inference,
                               const NameFilter& names) {
  for (const auto& column : declared.columns) {
    GENESIS_RETURN_IF_ERROR(check_present(table, column.name, "table.columns"));
  }
  for (const auto& name : declared.discrete_columns) {
    GENESIS_RETURN_IF_ERROR(check_present(table, name, "table.discreteColumns"));
  }
  Introduction introduction;
  for (const auto& column : table.columns) {
    IntroducedColumn introduced;
    introduced.name = column.name;
    const auto kind = declared_kind(declared, column.name);
    introduced.kind = kind.value_or(kind_of_cells(column, inference));
    if (introduced.kind == Kind::kDatetime && inference == Inference::kKinds) {
      introduced.format = column.format;
    }
    if (introduced.kind == Kind::kDecimal && inference == Inference::kKinds && !kind) {
      introduced.precision = column.precision;
    }
    const auto* of_spec = declared_of(declared, column.name);
    const bool is_open = of_spec == nullptr || of_spec->categories.empty();
    const bool has_values =
        tabular::is_continuous(column.kind) || kind || !tabular::is_blank(column.categories);
    if (introduced.kind == Kind::kCategory && is_open && has_values) {
      GENESIS_ASSIGN(introduced.categories, names(column));
      std::ranges::sort(introduced.categories);
      introduced.has_rare_text =
          inference == Inference::kKinds && !kind && introduced.categories.empty();
    }
    introduction.columns.push_back(std::move(introduced));
  }
  return introduction;
}

Result<Introduction> merged(const std::vector<Introduction>& introductions) {
  if (introductions.empty() || introductions[0].columns.empty()) {
    return fail(Errc::kInvalidArgument, "no site has told the columns of its table");
  }
  auto all = introductions[0];
  const auto known = places_of(introductions[0]);
  std::vector<std::vector<const IntroducedColumn*>> sites(all.columns.size());
  for (const auto& one : introductions) {
    const auto places = places_of(one);
    auto missing = lacking(all, places);
    missing = missing.empty() ? lacking(one, known) : missing;
    if (!missing.empty()) {
      return fail(Errc::kInvalidArgument,
                  "column '" + missing +
                      "' is not in the tables of all sites; leave it out with "
                      "table.ignoreColumns, or correct the header");
    }
    for (std::size_t i = 0; i < all.columns.size(); ++i) {
      sites[i].push_back(&one.columns[places.at(all.columns[i].name)]);
      GENESIS_RETURN_IF_ERROR(merge(all.columns[i], *sites[i].back()));
    }
  }
  for (std::size_t i = 0; i < all.columns.size(); ++i) {
    auto& column = all.columns[i];
    settle_truth(column, sites[i]);
    if (column.kind == Kind::kCategory && column.categories.empty() && column.has_rare_text) {
      column.kind = Kind::kIdentifier;  // no text may leave its site
    }
  }
  return all;
}

Result<Schema> schema_of(const spec::TableSpec& declared,
                         const std::vector<Introduction>& introductions) {
  GENESIS_ASSIGN(const auto all, merged(introductions));
  Schema schema;
  for (const auto& introduced : all.columns) {
    GENESIS_ASSIGN(auto column, column_of(declared, introduced));
    schema.push_back(std::move(column));
  }
  return schema;
}

Result<Schema> declared_schema(const spec::TableSpec& declared) {
  Introduction named;
  for (const auto& column : declared.columns) {
    named.columns.push_back({column.name, Kind::kDecimal, "", {}, std::nullopt, false});
  }
  for (const auto& name : declared.discrete_columns) {
    if (declared_of(declared, name) == nullptr) {
      named.columns.push_back({name, Kind::kCategory, "", {}, std::nullopt, false});
    }
  }
  return named.columns.empty() ? Result<Schema>(Schema{}) : schema_of(declared, {named});
}

Status check_asked(const spec::TableSpec& declared, const Introduction& own, const Schema& asked) {
  for (const auto& introduced : own.columns) {
    const auto found = std::ranges::find(asked, introduced.name, &Column::name);
    GENESIS_ASSIGN(auto expected, column_of(declared, introduced));
    const bool is_there = found != asked.end();
    // What the spec leaves open the other sites have a say in.
    const auto* of_spec = declared_of(declared, introduced.name);
    const bool is_open = of_spec == nullptr || of_spec->categories.empty();
    if (is_there && is_open && !declared_kind(declared, introduced.name)) {
      continue;
    }
    if (is_there && is_open && expected.kind == Kind::kCategory) {
      expected.categories = found->categories;
      expected.other = found->other;
    }
    if (!is_there || !(*found == expected)) {
      return fail(
          Errc::kInvalidArgument,
          "asked to count column '" + introduced.name + "' otherwise than the spec declares it");
    }
  }
  return asked.size() == own.columns.size()
             ? Status()
             : Status(fail(Errc::kInvalidArgument, "asked to count columns that are not there"));
}

Result<std::optional<std::uint32_t>> target_of(const Settings& settings, const Schema& schema) {
  if (!settings.target) {
    return std::optional<std::uint32_t>();
  }
  const auto found = std::ranges::find(schema, *settings.target, &Column::name);
  std::vector<std::string> names;
  for (const auto& column : schema) {
    names.push_back(column.name);
  }
  if (found == schema.end()) {
    const auto near = nearest(*settings.target, names);
    return fail(Errc::kInvalidArgument,
                "model.target: the tables have no column '" + *settings.target + "'" +
                    (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  if (!found->is_counted()) {
    return fail(
        Errc::kInvalidArgument,
        "model.target: '" + *settings.target + "' is an identifier, which nothing predicts");
  }
  return std::optional(static_cast<std::uint32_t>(found - schema.begin()));
}

std::string text_of(const Introduction& introduction) {
  auto columns = nlohmann::json::array();
  for (const auto& column : introduction.columns) {
    nlohmann::json object{{"name", column.name}, {"kind", tabular::to_string(column.kind)}};
    if (!column.format.empty()) {
      object["format"] = column.format;
    }
    if (!column.categories.empty()) {
      object["categories"] = column.categories;
    }
    if (column.precision) {
      object["precision"] = *column.precision;
    }
    if (column.has_rare_text) {
      object["rare_text"] = true;
    }
    columns.push_back(std::move(object));
  }
  nlohmann::json json{{"columns", std::move(columns)}};
  if (introduction.rows) {
    json["rows"] = *introduction.rows;
  }
  return dump_json(json);
}

Result<Introduction> parse_introduction(std::string_view text) {
  constexpr std::size_t kMaxFormatBytes = 64;
  constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 53;
  GENESIS_ASSIGN(const auto json, parse_json(text));
  const JsonValue root = json.root();
  tabular::JsonReader reader(root, "introduction");
  Introduction introduction;
  if (root.find("rows")) {
    introduction.rows = reader.count("rows", kMaxRows);
  }
  for (const JsonValue item : reader.array("columns", kMaxColumns)) {
    const std::string path =
        "introduction.columns[" + std::to_string(introduction.columns.size()) + "]";
    tabular::JsonReader fields(item, path);
    IntroducedColumn column;
    column.name = fields.text("name", tabular::kMaxNameBytes);
    column.kind = fields.kind("kind");
    column.format = item.find("format") ? fields.text("format", kMaxFormatBytes) : "";
    if (item.find("categories")) {
      column.categories = fields.sorted_texts("categories", kMaxCategories);
    }
    if (item.find("precision")) {
      column.precision = fields.small("precision", tabular::kMaxPrecision);
    }
    if (item.find("rare_text")) {
      column.has_rare_text = fields.flag("rare_text");
    }
    if (!column.categories.empty() && column.categories[0].empty()) {
      fields.refuse("categories", "the empty text is a missing value, not a category");
    }
    if (column.kind == Kind::kBoolean) {
      fields.refuse("kind", "boolean is written as category");
    }
    GENESIS_RETURN_IF_ERROR(fields.status());
    introduction.columns.push_back(std::move(column));
  }
  GENESIS_RETURN_IF_ERROR(reader.status());
  GENESIS_RETURN_IF_ERROR(tabular::check_names(introduction.columns, "introduction.columns"));
  if (introduction.columns.empty()) {
    return fail(Errc::kInvalidArgument, "introduction: expected 1 to 1000 columns");
  }
  return introduction;
}

}  // namespace genesis::mixture
