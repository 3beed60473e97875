// Rows to RFC 4180 text (table.hpp). Cells are formatted in place: room for a batch of rows is made
// first, so that no cell is allocated or checked on its own.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "common/base/check.hpp"
#include "common/tabular/cell.hpp"
#include "common/tabular/datetime.hpp"
#include "common/tabular/table.hpp"

namespace genesis::tabular {
namespace {

// In quotes where RFC 4180 asks for them. A table's only column quotes its empty cells too, because
// a blank line is no record.
std::string escape(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string escaped(1, '"');
  for (const char c : text) {
    escaped.append(c == '"' ? 2 : 1, c);
  }
  escaped += '"';
  return escaped;
}

// An optional sign, digits with at most one point among them, an optional exponent: nothing that a
// spreadsheet could take for more than a number.
bool is_number(std::string_view text) {
  const auto skip_digits = [&text] {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end;
  };
  const auto skip_one_of = [&text](std::string_view characters) {
    const bool is_there = !text.empty() && characters.find(text[0]) != std::string_view::npos;
    text.remove_prefix(is_there ? 1 : 0);
    return is_there;
  };
  skip_one_of("+-");
  std::size_t digits = skip_digits();
  if (skip_one_of(".")) {
    digits += skip_digits();
  }
  if (digits > 0 && skip_one_of("eE")) {
    skip_one_of("+-");
    digits = skip_digits();
  }
  return digits > 0 && text.empty();
}

std::string cell_of(std::string_view text, TextCells cells) {
  const bool starts_formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  const bool is_sign = text == "=";  // alone it is no formula, and stands beside censored numbers
  if (cells == TextCells::kRaw || !starts_formula || is_sign || is_number(text)) {
    return escape(text);
  }
  return escape("'" + std::string(text));
}

char* write_text(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

constexpr std::size_t kNumberSize = 48;

char* write_whole(std::int64_t value, char* out) {
  return std::to_chars(out, out + kNumberSize, value).ptr;
}

// `value` with `precision` decimals, through an exact integer: several times faster than the
// general algorithm, and the same digits for values that have at most `precision` decimals.
char* write_decimal(double value, int precision, double power, char* out) {
  constexpr double kExactBound = 2251799813685248.0;  // 2^51
  const double scaled = value * power;
  if (!(std::abs(scaled) < kExactBound)) {
    constexpr double kFixedBound = 1e15;
    return std::abs(value) < kFixedBound
               ? std::to_chars(out, out + kNumberSize, value, std::chars_format::fixed, precision)
                     .ptr
               : std::to_chars(out, out + kNumberSize, value, std::chars_format::scientific).ptr;
  }
  const std::int64_t units = std::llround(scaled);
  const auto divisor = static_cast<std::uint64_t>(power);
  const std::uint64_t magnitude = static_cast<std::uint64_t>(units < 0 ? -units : units);
  if (units < 0) {
    *out++ = '-';
  }
  out = write_whole(static_cast<std::int64_t>(magnitude / divisor), out);
  if (precision > 0) {
    *out = '.';
    std::uint64_t fraction = magnitude % divisor;
    for (int place = precision; place > 0; --place) {
      out[place] = static_cast<char>('0' + fraction % 10);
      fraction /= 10;
    }
    out += 1 + precision;
  }
  return out;
}

// What a column's cells need, worked out once.
class CellWriter {
 public:
  CellWriter(const Column& column, std::string_view missing, TextCells cells)
      : column_(column), missing_(missing), power_(power_of_ten(column.precision)) {
    if (column.kind == Kind::kDatetime) {
      auto format = DatetimeFormat::parse(column.format);
      GENESIS_CHECK(format.has_value(), "a datetime column has a valid format");
      format_ = std::move(format).value();
      width_ = format_->max_size();
    } else if (is_continuous(column.kind)) {
      width_ = kNumberSize;
    }
    for (const auto& category : column.categories) {
      texts_.push_back(cell_of(category, cells));
      width_ = std::max(width_, texts_.back().size());
    }
    width_ = std::max(width_, missing.size()) + 1;
  }

  /// Most characters of a cell, with its separator.
  [[nodiscard]] std::size_t width() const { return width_; }

  char* write(std::size_t row, char* out) const {
    if (!is_continuous(column_.kind)) {
      const std::uint32_t code = column_.codes[row];
      return write_text(code == kMissingCode ? missing_ : std::string_view(texts_[code]), out);
    }
    const double value = column_.numbers[row];
    if (std::isnan(value)) {
      return write_text(missing_, out);
    }
    if (column_.kind == Kind::kDatetime) {
      return format_->write(value, out);
    }
    if (column_.significant != 0) {
      return std::to_chars(out, out + kNumberSize, value).ptr;
    }
    const bool whole = column_.kind == Kind::kInteger && std::abs(value) < 0x1.0p53;
    return whole ? write_whole(static_cast<std::int64_t>(value), out)
                 : write_decimal(value, column_.precision, power_, out);
  }

 private:
  const Column& column_;  // outlives this
  std::string_view missing_;
  double power_;
  std::optional<DatetimeFormat> format_;
  std::vector<std::string> texts_;
  std::size_t width_ = 0;
};

}  // namespace

std::string csv_header(const Table& table, TextCells cells) {
  std::string out;
  for (const auto& column : table.columns) {
    out += out.empty() ? "" : ",";
    out += cell_of(column.name, cells);
  }
  out += '\n';
  return out;
}

void append_csv_rows(const Table& table, std::string& out, TextCells cells) {
  std::vector<CellWriter> writers;
  std::size_t row_width = 1;
  for (const auto& column : table.columns) {
    writers.emplace_back(column, table.columns.size() == 1 ? "\"\"" : "", cells);
    row_width += writers.back().width();
  }
  if (writers.empty()) {
    return;
  }
  constexpr std::size_t kBatchBytes = std::size_t{1} << 18;
  const std::size_t batch = std::max<std::size_t>(1, kBatchBytes / row_width);
  for (std::size_t first = 0; first < table.rows; first += batch) {
    const std::size_t last = std::min(table.rows, first + batch);
    const std::size_t before = out.size();
    out.resize(before + (last - first) * row_width);
    char* at = out.data() + before;
    for (std::size_t row = first; row < last; ++row) {
      for (const auto& writer : writers) {
        at = writer.write(row, at);
        *at++ = ',';
      }
      at[-1] = '\n';
    }
    out.resize(static_cast<std::size_t>(at - out.data()));
  }
}

std::string write_csv(const Table& table, TextCells cells) {
  std::string out = csv_header(table, cells);
  append_csv_rows(table, out, cells);
  return out;
}

std::vector<std::string> cell_texts(const Column& column) {
  const bool is_text = !is_continuous(column.kind);
  std::vector<std::string> texts;
  texts.reserve(is_text ? column.codes.size() : column.numbers.size());
  if (is_text) {
    for (const auto code : column.codes) {
      texts.push_back(code == kMissingCode ? std::string() : column.categories[code]);
    }
    return texts;
  }
  const CellWriter writer(column, "", TextCells::kRaw);
  std::string cell(writer.width(), '\0');
  for (std::size_t row = 0; row < column.numbers.size(); ++row) {
    const char* end = writer.write(row, cell.data());
    texts.emplace_back(cell.data(), static_cast<std::size_t>(end - cell.data()));
  }
  return texts;
}

void append_csv_record(std::span<const CsvCell> record, std::string& out) {
  for (std::size_t i = 0; i < record.size(); ++i) {
    const auto& [text, cells] = record[i];
    out += i == 0 ? "" : ",";
    out += record.size() == 1 && text.empty() ? "\"\"" : cell_of(text, cells);
  }
  out += '\n';
}

}  // namespace genesis::tabular
