#include "cli/schema_draft.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/tabular/datetime.hpp"

namespace genesis::cli {
namespace {

using tabular::Column;
using tabular::Kind;

constexpr std::string_view kFromRows = "  # from the rows";

struct Range {
  double low = 0.0;
  double high = 0.0;
};

std::optional<Range> range_of(const Column& column) {
  std::optional<Range> range;
  for (const double x : column.numbers) {
    if (std::isfinite(x)) {
      range = range ? Range{std::min(range->low, x), std::max(range->high, x)} : Range{x, x};
    }
  }
  return range;
}

bool has_missing(const Column& column) {
  return std::ranges::any_of(column.numbers, [](double x) { return std::isnan(x); }) ||
         std::ranges::find(column.codes, tabular::kMissingCode) != column.codes.end();
}

// To multiples of the largest bound's power of ten, so that no bound is a value of a row; 0 stays.
Range outward(const Range& exact) {
  const double most = std::max(std::abs(exact.low), std::abs(exact.high));
  const double unit = most > 0.0 ? std::pow(10.0, std::floor(std::log10(most))) : 1.0;
  Range range{std::floor(exact.low / unit) * unit, std::ceil(exact.high / unit) * unit};
  if (range.low == exact.low && range.low != 0.0) {
    range.low -= unit;
  }
  if (range.high == exact.high && range.high != 0.0) {
    range.high += unit;
  }
  range.high = range.high == range.low ? range.low + unit : range.high;
  return range;
}

int year_of(double seconds) {
  const std::chrono::sys_days day{
      std::chrono::floor<std::chrono::days>(std::chrono::seconds(std::llround(seconds)))};
  return static_cast<int>(std::chrono::year_month_day{day}.year());
}

double first_second_of(int year) {
  const std::chrono::sys_days day{std::chrono::year{year} / std::chrono::January / 1};
  return static_cast<double>(std::chrono::seconds(day.time_since_epoch()).count());
}

std::string text_of(double moment, const tabular::DatetimeFormat& format) {
  std::string text(format.max_size(), ' ');
  text.resize(static_cast<std::size_t>(format.write(moment, text.data()) - text.data()));
  return text;
}

std::string yaml_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Draft {
 public:
  void line(std::string_view field, std::string_view value, std::string_view remark = "") {
    text_ += fmt::format("    {}: {}{}\n", field, value, remark);
  }
  void comment(std::string_view text) { text_ += fmt::format("    # {}\n", text); }
  void begin(const std::string& name) { text_ += "  - name: " + yaml_text(name) + "\n"; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_ = "columns:\n";
};

void add_bounds(const Column& column, Draft& draft) {
  const auto exact = range_of(column);
  if (!exact) {
    draft.comment("no value in the rows: declare minimum and maximum");
    return;
  }
  const auto range = outward(*exact);
  constexpr std::string_view kRounded = "  # from the rows, rounded outwards";
  draft.line("minimum", fmt::format("{}", range.low), range.low == 0.0 ? "" : kRounded);
  draft.line("maximum", fmt::format("{}", range.high), kRounded);
}

Status add_dates(const Column& column, Draft& draft) {
  draft.line("format", yaml_text(column.format));
  GENESIS_ASSIGN(const auto format, tabular::DatetimeFormat::parse(column.format));
  const auto exact = range_of(column);
  const bool has_year = column.format.find("%Y") != std::string::npos ||
                        column.format.find("%F") != std::string::npos ||
                        column.format.find("%y") != std::string::npos;
  if (!exact || !has_year) {
    draft.comment("declare earliest and latest");
    return {};
  }
  constexpr std::string_view kWhole = "  # from the rows, whole years";
  draft.line("earliest", yaml_text(text_of(first_second_of(year_of(exact->low)), format)), kWhole);
  draft.line("latest",
             yaml_text(text_of(first_second_of(year_of(exact->high) + 1) - format.step(), format)),
             kWhole);
  return {};
}

void add_categories(const Column& column, const DraftOptions& options, Draft& draft) {
  std::vector<std::uint64_t> rows(column.categories.size(), 0);
  for (const auto code : column.codes) {
    if (code != tabular::kMissingCode) {
      ++rows[code];
    }
  }
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= options.min_category_count) {
      kept.push_back(i);
    }
  }
  if (kept.size() > options.most_categories) {
    draft.comment(fmt::format(
        "{} values: coarser ones cost less and tell less, such as districts for postcodes; the {} "
        "most frequent are listed",
        kept.size(),
        options.most_categories));
    std::ranges::stable_sort(kept, [&](auto a, auto b) { return rows[a] > rows[b]; });
    kept.resize(options.most_categories);
    std::ranges::sort(kept);
  }
  std::string listed;
  for (const auto i : kept) {
    listed += (listed.empty() ? "" : ", ") + yaml_text(column.categories[i]);
  }
  if (kept.empty()) {
    draft.comment("no value that enough rows have: declare categories");
  } else {
    draft.line("categories", "[" + listed + "]", kFromRows);
  }
  if (kept.size() < column.categories.size()) {
    std::string other = "other";
    while (std::ranges::find(column.categories, other) != column.categories.end()) {
      other += "-";
    }
    draft.line(
        "other",
        yaml_text(other),
        fmt::format("  # for {} values that are left out", column.categories.size() - kept.size()));
  }
}

}  // namespace

Result<std::string> draft_schema(const tabular::Table& table, const DraftOptions& options) {
  Draft draft;
  for (const auto& column : table.columns) {
    draft.begin(column.name);
    const bool is_words = column.kind == Kind::kBoolean;
    draft.line("kind", is_words ? "category" : tabular::to_string(column.kind));
    switch (column.kind) {
      case Kind::kInteger:
        add_bounds(column, draft);
        break;
      case Kind::kDecimal:
        draft.line("precision", std::to_string(column.precision), kFromRows);
        add_bounds(column, draft);
        break;
      case Kind::kDatetime:
        GENESIS_RETURN_IF_ERROR(add_dates(column, draft));
        break;
      case Kind::kCategory:
      case Kind::kBoolean:
        add_categories(column, options, draft);
        break;
      case Kind::kIdentifier:
        continue;
    }
    draft.line("nullable", has_missing(column) ? "true" : "false", kFromRows);
  }
  return draft.take();
}

}  // namespace genesis::cli
