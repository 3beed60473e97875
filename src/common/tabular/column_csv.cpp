#include "common/tabular/column_csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>

#include "common/tabular/cell.hpp"

namespace genesis::tabular {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 17;
constexpr std::int64_t kSecondsPerDay = 86'400;
__extension__ using Uint128 = unsigned __int128;

// A value of a buffer, which need not be aligned.
template <typename T>
T value_at(const void* values, std::size_t i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(values) + i * sizeof(T), sizeof(T));
  return value;
}

bool bit_at(const void* bits, std::size_t i) {
  constexpr std::size_t kBits = 8;
  return ((static_cast<const std::uint8_t*>(bits)[i / kBits] >> (i % kBits)) & 1U) != 0;
}

template <typename T>
void append_number(T value, std::string& out) {
  std::array<char, 24> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

void append_padded(std::int64_t value, std::size_t width, std::string& out) {
  std::array<char, 24> text{};
  char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const auto size = static_cast<std::size_t>(end - text.data());
  out.append(size < width ? width - size : 0, '0');
  out.append(text.data(), size);
}

// The fewest digits that are read as the same value, as Python lays them out: 1e+16, 0.0001, 1e-05.
template <typename T>
void append_float(T value, bool whole_has_point, std::string& out) {
  constexpr int kLeast = -4;
  constexpr int kMost = 16;
  if (std::isinf(value)) {
    out += value < 0 ? "-inf" : "inf";
    return;
  }
  std::array<char, 40> text{};
  char* const end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  std::string_view rest(text.data(), static_cast<std::size_t>(end - text.data()));
  if (rest.front() == '-') {
    out += '-';
    rest.remove_prefix(1);
  }
  const auto sign = rest.find('e');
  const std::string_view power = rest.substr(sign + (rest[sign + 1] == '+' ? 2 : 1));
  int exponent = 0;
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (exponent < kLeast || exponent >= kMost) {
    out += rest;
    return;
  }
  std::string digits(rest.substr(0, 1));
  digits += sign > 2 ? rest.substr(2, sign - 2) : std::string_view();
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() > whole) {
    out.append(digits, 0, whole);
    out += '.';
    out.append(digits, whole);
    return;
  }
  out += digits;
  out.append(whole - digits.size(), '0');
  out += whole_has_point ? ".0" : "";
}

void append_decimal(const void* values, std::size_t i, int decimals, std::string& out) {
  auto value = value_at<Uint128>(values, i);
  constexpr int kSignBit = 127;
  const bool negative = (value >> kSignBit) != 0;
  value = negative ? ~value + 1 : value;
  std::string digits;
  for (; value != 0; value /= 10) {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
  }
  const auto places = static_cast<std::size_t>(decimals);
  digits.append(digits.size() <= places ? places + 1 - digits.size() : 0, '0');
  out += negative ? "-" : "";
  for (std::size_t at = digits.size(); at-- > 0;) {
    out += digits[at];
    out += at == places && places > 0 ? "." : "";
  }
}

// Between the years 0000 and 9999; other days as numbers, which no format of dates has.
void append_date(std::int64_t days, std::string& out) {
  constexpr std::int64_t kFirst = -719'528;
  constexpr std::int64_t kLast = 2'932'896;
  if (days < kFirst || days > kLast) {
    append_number(days, out);
    return;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  append_padded(static_cast<int>(date.year()), 4, out);
  out += '-';
  append_padded(static_cast<unsigned>(date.month()), 2, out);
  out += '-';
  append_padded(static_cast<unsigned>(date.day()), 2, out);
}

// `ticks` since midnight; a negative number, which is no time of day, as it is.
void append_time(std::int64_t ticks, const Cells& cells, std::string& out) {
  if (ticks < 0) {
    append_number(ticks, out);
    return;
  }
  constexpr std::int64_t kSixty = 60;
  const std::int64_t seconds = ticks / cells.ticks_per_second;
  append_padded(seconds / kSixty / kSixty, 2, out);
  out += ':';
  append_padded(seconds / kSixty % kSixty, 2, out);
  out += ':';
  append_padded(seconds % kSixty, 2, out);
  if (cells.decimals == 0) {
    return;
  }
  constexpr std::size_t kMost = 9;
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  std::string fraction;
  append_padded(
      ticks % cells.ticks_per_second * (kPerSecond / cells.ticks_per_second), kMost, fraction);
  out += '.';
  out.append(fraction, 0, static_cast<std::size_t>(cells.decimals));
}

// In quotes where the text holds what ends a field.
void append_text(std::string_view text, std::string& out) {
  const auto is_special = [](char c) { return c == ',' || c == '"' || c == '\n' || c == '\r'; };
  if (std::none_of(text.begin(), text.end(), is_special)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    out += c;
    out += c == '"' ? "\"" : "";
  }
  out += '"';
}

// A text of a buffer; nothing where its offsets are none.
template <typename Offset>
std::optional<std::string_view> text_at(const Cells& cells, std::size_t i) {
  const auto begin = value_at<Offset>(cells.values, i);
  const auto end = value_at<Offset>(cells.values, i + 1);
  if (begin < 0 || end < begin) {
    return std::nullopt;
  }
  return std::string_view(cells.bytes + begin, static_cast<std::size_t>(end - begin));
}

std::optional<std::string_view> view_at(const Cells& cells, std::size_t i) {
  constexpr std::size_t kSize = 16;
  constexpr std::int32_t kMostInline = 12;
  const char* const view = static_cast<const char*>(cells.values) + i * kSize;
  const auto size = value_at<std::int32_t>(view, 0);
  if (size < 0) {
    return std::nullopt;
  }
  const auto length = static_cast<std::size_t>(size);
  if (size <= kMostInline) {
    return std::string_view(view + sizeof(size), length);
  }
  const auto part = static_cast<std::size_t>(value_at<std::uint32_t>(view, 2));
  const auto begin = static_cast<std::size_t>(value_at<std::uint32_t>(view, 3));
  if (part >= cells.parts.size() || begin > cells.parts[part].size() ||
      length > cells.parts[part].size() - begin) {
    return std::nullopt;
  }
  return cells.parts[part].substr(begin, length);
}

std::int64_t floor_of(std::int64_t value, std::int64_t unit) {
  return value / unit - (value % unit < 0 ? 1 : 0);
}

// Where an index points; nothing for a negative one.
std::optional<std::uint64_t> index_at(const Cells& cells, std::size_t i) {
  const auto of = [&]<typename T>(T value) -> std::optional<std::uint64_t> {
    if constexpr (std::is_signed_v<T>) {
      if (value < 0) {
        return std::nullopt;
      }
    }
    return static_cast<std::uint64_t>(value);
  };
  switch (cells.type) {
    case CellType::kInt8:
      return of(value_at<std::int8_t>(cells.values, i));
    case CellType::kInt16:
      return of(value_at<std::int16_t>(cells.values, i));
    case CellType::kInt32:
      return of(value_at<std::int32_t>(cells.values, i));
    case CellType::kInt64:
      return of(value_at<std::int64_t>(cells.values, i));
    case CellType::kUint8:
      return of(value_at<std::uint8_t>(cells.values, i));
    case CellType::kUint16:
      return of(value_at<std::uint16_t>(cells.values, i));
    case CellType::kUint32:
      return of(value_at<std::uint32_t>(cells.values, i));
    default:
      return of(value_at<std::uint64_t>(cells.values, i));
  }
}

using Problem = const char*;  // what is wrong with a cell; nullptr for nothing

void append_moment(std::int64_t ticks,
                   const Cells& cells,
                   const CellStyle& style,
                   std::string& out) {
  const std::int64_t per_day = kSecondsPerDay * cells.ticks_per_second;
  const std::int64_t day = floor_of(ticks, per_day);
  append_date(day, out);
  out += style.before_time;
  append_time(ticks - day * per_day, cells, out);
  out += cells.has_zone ? style.utc : "";
}

Problem append_text_or_problem(std::optional<std::string_view> text, std::string& out) {
  if (!text) {
    return "offsets that lead out of the buffer";
  }
  append_text(*text, out);
  return nullptr;
}

template <typename T>
void append_float_or_nothing(const Cells& cells,
                             std::size_t i,
                             const CellStyle& style,
                             std::string& out) {
  const auto value = value_at<T>(cells.values, i);
  if (!std::isnan(value)) {
    append_float(value, style.whole_floats_have_point, out);
  }
}

// The text of cell `row`; nothing for a missing one.
Problem append_cell(const Cells& cells, std::size_t row, const CellStyle& style, std::string& out) {
  const std::size_t i = cells.offset + row;
  if (cells.type == CellType::kNull || (cells.validity != nullptr && !bit_at(cells.validity, i))) {
    return nullptr;
  }
  if (cells.dictionary) {
    const auto index = index_at(cells, i);
    if (index && *index >= cells.dictionary->length) {
      return "an index beyond its dictionary";
    }
    return index ? append_cell(*cells.dictionary, static_cast<std::size_t>(*index), style, out)
                 : nullptr;
  }
  constexpr std::int64_t kMillisecondsPerDay = kSecondsPerDay * 1000;
  switch (cells.type) {
    case CellType::kNull:
      break;
    case CellType::kBoolean:
      out += bit_at(cells.values, i) ? style.truth : style.untruth;
      break;
    case CellType::kInt8:
      append_number(static_cast<int>(value_at<std::int8_t>(cells.values, i)), out);
      break;
    case CellType::kInt16:
      append_number(value_at<std::int16_t>(cells.values, i), out);
      break;
    case CellType::kInt32:
      append_number(value_at<std::int32_t>(cells.values, i), out);
      break;
    case CellType::kInt64:
      append_number(value_at<std::int64_t>(cells.values, i), out);
      break;
    case CellType::kUint8:
      append_number(static_cast<int>(value_at<std::uint8_t>(cells.values, i)), out);
      break;
    case CellType::kUint16:
      append_number(value_at<std::uint16_t>(cells.values, i), out);
      break;
    case CellType::kUint32:
      append_number(value_at<std::uint32_t>(cells.values, i), out);
      break;
    case CellType::kUint64:
      append_number(value_at<std::uint64_t>(cells.values, i), out);
      break;
    case CellType::kFloat32:
      append_float_or_nothing<float>(cells, i, style, out);
      break;
    case CellType::kFloat64:
      append_float_or_nothing<double>(cells, i, style, out);
      break;
    case CellType::kDecimal128:
      append_decimal(cells.values, i, cells.decimals, out);
      break;
    case CellType::kText:
      return append_text_or_problem(text_at<std::int32_t>(cells, i), out);
    case CellType::kLargeText:
      return append_text_or_problem(text_at<std::int64_t>(cells, i), out);
    case CellType::kTextView:
      return append_text_or_problem(view_at(cells, i), out);
    case CellType::kDate32:
      append_date(value_at<std::int32_t>(cells.values, i), out);
      break;
    case CellType::kDate64:
      append_date(floor_of(value_at<std::int64_t>(cells.values, i), kMillisecondsPerDay), out);
      break;
    case CellType::kTime32:
      append_time(value_at<std::int32_t>(cells.values, i), cells, out);
      break;
    case CellType::kTime64:
      append_time(value_at<std::int64_t>(cells.values, i), cells, out);
      break;
    case CellType::kTimestamp:
      append_moment(value_at<std::int64_t>(cells.values, i), cells, style, out);
      break;
    case CellType::kDuration:
      append_float(static_cast<double>(value_at<std::int64_t>(cells.values, i)) /
                       static_cast<double>(cells.ticks_per_second),
                   true,
                   out);
      break;
  }
  return nullptr;
}

std::size_t length_of(const ColumnCells& column) {
  std::size_t length = 0;
  for (const auto& chunk : column.chunks) {
    length += chunk.length;
  }
  return length;
}

// Where the next cell of a column is.
struct Cursor {
  std::size_t chunk = 0;
  std::size_t row = 0;
};

}  // namespace

Status write_columns(const ColumnTable& table,
                     std::string_view source,
                     const std::function<Status(std::string_view)>& take) {
  const auto& columns = table.columns;
  const auto in_column = [&](const ColumnCells& column, const std::string& what) {
    return fail(Errc::kInvalidArgument,
                std::string(source) + ": column " + in_quotes(column.name) + what);
  };
  const std::size_t rows = columns.empty() ? 0 : length_of(columns.front());
  std::string out;
  for (const auto& column : columns) {
    if (length_of(column) != rows) {
      return in_column(column,
                       " has " + std::to_string(length_of(column)) +
                           " rows, and the first column " + std::to_string(rows) +
                           "; all columns of a table have as many");
    }
    out += out.empty() ? "\"" : ",\"";
    for (const char c : column.name) {
      out += c;
      out += c == '"' ? "\"" : "";
    }
    out += '"';
  }
  out += '\n';
  std::vector<Cursor> cursors(columns.size());
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t begin = out.size();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      auto& at = cursors[c];
      const auto& chunks = columns[c].chunks;
      while (at.row == chunks[at.chunk].length) {
        at = {at.chunk + 1, 0};
      }
      out += c == 0 ? "" : ",";
      if (const Problem problem = append_cell(chunks[at.chunk], at.row++, table.style, out)) {
        return in_column(columns[c], ", row " + std::to_string(row + 1) + ": has " + problem);
      }
    }
    out += out.size() == begin ? "\"\"\n" : "\n";  // a blank line would be no row
    if (out.size() >= kPiece) {
      GENESIS_RETURN_IF_ERROR(take(out));
      out.clear();
    }
  }
  return out.empty() ? Status() : take(out);
}

}  // namespace genesis::tabular
