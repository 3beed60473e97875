#include "common/tabular/describe.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::tabular {
namespace {

std::string shown(const Column& column, double value) {
  if (column.kind == Kind::kDatetime) {
    if (const auto format = DatetimeFormat::parse(column.format)) {
      std::string text(format->max_size(), '\0');
      text.resize(static_cast<std::size_t>(format->write(value, text.data()) - text.data()));
      return text;
    }
  }
  std::array<char, 32> text{};
  const auto format =
      column.kind == Kind::kInteger ? std::chars_format::fixed : std::chars_format::general;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format).ptr;
  return {text.data(), end};
}

std::size_t missing_cells(const Column& column) {
  return static_cast<std::size_t>(
      is_continuous(column.kind)
          ? std::count_if(column.numbers.begin(),
                          column.numbers.end(),
                          [](double value) { return std::isnan(value); })
          : std::count(column.codes.begin(), column.codes.end(), kMissingCode));
}

std::string range_of(const Column& column) {
  bool any = false;
  double least = 0.0;
  double most = 0.0;
  for (const double value : column.numbers) {
    if (!std::isnan(value)) {
      least = any ? std::min(least, value) : value;
      most = any ? std::max(most, value) : value;
      any = true;
    }
  }
  return any ? shown(column, least) + " to " + shown(column, most) : "";
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string leaving_of_numbers(const ColumnSketch& sketch) {
  const std::size_t told = sketch.heavy_values.size();
  std::string text = "rounded bounds, counts on a grid";
  if (told > 0) {
    text += ", " + counted(told, "frequent value", "frequent values");
  }
  return text;
}

// What a server would learn of the column.
std::string leaving(const Column& column, const ColumnSketch& sketch, Told told) {
  switch (column.kind) {
    case Kind::kInteger:
    case Kind::kDecimal:
    case Kind::kDatetime:
      return told == Told::kBounds ? leaving_of_numbers(sketch) : "counts on a public grid";
    case Kind::kIdentifier:
      return "nothing";
    case Kind::kCategory:
    case Kind::kBoolean:
      break;
  }
  if (sketch.declared && column.kind == Kind::kCategory && column.categories.empty()) {
    return "counts of its declared categories";
  }
  std::size_t rare_rows = 0;
  std::size_t rare = 0;
  std::vector<std::size_t> rows(column.categories.size());
  for (const auto code : column.codes) {
    if (code != kMissingCode) {
      ++rows[code];
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!std::binary_search(
            sketch.categories.begin(), sketch.categories.end(), column.categories[i])) {
      rare_rows += rows[i];
      ++rare;
    }
  }
  std::string text = sketch.categories.empty() ? "no text"
                                               : counted(sketch.categories.size(),
                                                         "category and its count",
                                                         "categories and their counts");
  if (rare > 0) {
    text += "; " + counted(rare, "rare text", "rare texts") + " in " +
            counted(rare_rows, "row", "rows") + " as other";
  }
  return text;
}

std::string percent(std::size_t part, std::size_t whole) {
  std::array<char, 16> text{};
  std::snprintf(text.data(),
                text.size(),
                "%.1f%%",
                whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

}  // namespace

std::vector<std::string> describe(const Table& table, const SitePolicy& policy, Told told) {
  const Sketch about = sketch(table, policy);
  std::vector<std::array<std::string, 6>> cells = {
      {"column", "kind", "missing", "distinct", "range", "leaves the site"}};
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    std::string kind(to_string(column.kind));
    if (column.kind == Kind::kDatetime) {
      kind += " " + column.format;
    }
    cells.push_back({column.name,
                     std::move(kind),
                     percent(missing_cells(column), table.rows),
                     std::to_string(column.distinct),
                     is_continuous(column.kind) ? range_of(column) : "",
                     leaving(column, about.columns[i], told)});
  }
  const auto width_of = [](const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
  };
  std::array<std::size_t, 6> widths{};
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : "  ") + row[i] + std::string(widths[i] - width_of(row[i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  for (const auto& column : table.columns) {
    if (!column.remark.empty()) {
      lines.push_back("note: column '" + column.name + "': " + column.remark);
    }
  }
  for (const auto& found : table.notes) {
    lines.push_back("note: " + found);
  }
  return lines;
}

std::vector<std::string> describe(const Table& table, const SitePolicy& policy) {
  return describe(table, policy, Told::kBounds);
}

}  // namespace genesis::tabular
