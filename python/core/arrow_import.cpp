#include "core/arrow_import.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "common/tabular/cell.hpp"
#include "common/tabular/table.hpp"

namespace genesis::python {
namespace {

constexpr std::string_view kStruct = "+s";

struct Simple {
  std::string_view format;
  CellType type;
};
constexpr std::array<Simple, 17> kSimple = {{{"n", CellType::kNull},
                                             {"b", CellType::kBoolean},
                                             {"c", CellType::kInt8},
                                             {"C", CellType::kUint8},
                                             {"s", CellType::kInt16},
                                             {"S", CellType::kUint16},
                                             {"i", CellType::kInt32},
                                             {"I", CellType::kUint32},
                                             {"l", CellType::kInt64},
                                             {"L", CellType::kUint64},
                                             {"f", CellType::kFloat32},
                                             {"g", CellType::kFloat64},
                                             {"u", CellType::kText},
                                             {"U", CellType::kLargeText},
                                             {"vu", CellType::kTextView},
                                             {"tdD", CellType::kDate32},
                                             {"tdm", CellType::kDate64}}};

struct Unit {
  std::int64_t ticks_per_second;
  int decimals;
};

std::optional<Unit> unit_of(char sign) {
  switch (sign) {
    case 's':
      return Unit{1, 0};
    case 'm':
      return Unit{1'000, 3};
    case 'u':
      return Unit{1'000'000, 6};
    case 'n':
      return Unit{1'000'000'000, 9};
    default:
      return std::nullopt;
  }
}

// "d:19,10" or "d:19,10,128": digits, places and bits.
std::optional<Cells> decimal_of(std::string_view text) {
  constexpr int kMostPlaces = 38;
  std::array<int, 3> numbers = {0, 0, 128};
  for (auto& number : numbers) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc()) {
      return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (text.empty()) {
      break;
    }
    text.remove_prefix(1);
  }
  if (numbers[1] < 0 || numbers[1] > kMostPlaces || numbers[2] != 128) {
    return std::nullopt;
  }
  return Cells{.type = CellType::kDecimal128, .decimals = numbers[1]};
}

std::optional<Cells> type_of(std::string_view format) {
  const auto simple = std::ranges::find(kSimple, format, &Simple::format);
  if (simple != kSimple.end()) {
    return Cells{.type = simple->type};
  }
  if (format.starts_with("d:")) {
    return decimal_of(format.substr(2));
  }
  constexpr std::size_t kPrefix = 3;  // tsu:Europe/Paris, ttm, tDn
  const auto unit = format.size() < kPrefix ? std::nullopt : unit_of(format[2]);
  if (!unit) {
    return std::nullopt;
  }
  Cells cells{.ticks_per_second = unit->ticks_per_second, .decimals = unit->decimals};
  if (format.starts_with("ts") && format.size() > kPrefix && format[kPrefix] == ':') {
    cells.type = CellType::kTimestamp;
    cells.has_zone = format.size() > kPrefix + 1;
  } else if (format.starts_with("tt") && format.size() == kPrefix) {
    const bool is_long = cells.ticks_per_second > 1'000;
    cells.type = is_long ? CellType::kTime64 : CellType::kTime32;
  } else if (format.starts_with("tD") && format.size() == kPrefix) {
    cells.type = CellType::kDuration;
  } else {
    return std::nullopt;
  }
  return cells;
}

tl::unexpected<Error> wrong(const std::string& column, const std::string& what) {
  return fail(Errc::kInvalidArgument, "column " + tabular::in_quotes(column) + ": " + what);
}

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

bool is_index(CellType type) {
  return type >= CellType::kInt8 && type <= CellType::kUint64;
}

// Type of the cells of a column, with its dictionary's where it has one.
Result<Cells> type_of(const ArrowSchema& schema, const std::string& column) {
  const auto format = text_of(schema.format);
  auto type = type_of(format);
  if (!type) {
    return wrong(column,
                 "its Arrow format " + tabular::in_quotes(format) +
                     " is not read; leave the column out, or make it numbers, text or dates");
  }
  if (schema.dictionary == nullptr) {
    return *type;
  }
  auto entries = type_of(text_of(schema.dictionary->format));
  if (!entries || schema.dictionary->dictionary != nullptr || !is_index(type->type)) {
    return wrong(column,
                 "a dictionary of Arrow format " +
                     tabular::in_quotes(text_of(schema.dictionary->format)) +
                     " is not read; make it one of text");
  }
  type->dictionary = std::make_shared<Cells>(*std::move(entries));
  return *type;
}

bool is_struct(const ArrowSchema& schema) {
  return text_of(schema.format) == kStruct;
}

Status check_children(const ArrowSchema& schema) {
  if (schema.n_children < 0 || (schema.n_children > 0 && schema.children == nullptr)) {
    return fail(Errc::kInvalidArgument, "its Arrow schema has no columns where it says so");
  }
  if (schema.n_children > static_cast<std::int64_t>(tabular::kMaxColumns)) {
    return fail(Errc::kResourceExhausted,
                "more than " + std::to_string(tabular::kMaxColumns) + " columns");
  }
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    if (schema.children[i] == nullptr) {
      return fail(Errc::kInvalidArgument, "its Arrow schema has no columns where it says so");
    }
  }
  return {};
}

// Whether each row is one: a struct may be missing as a whole.
bool has_missing(const ArrowArray& array) {
  constexpr std::size_t kBits = 8;
  if (array.null_count == 0 || array.n_buffers < 1 || array.buffers == nullptr ||
      array.buffers[0] == nullptr) {
    return false;
  }
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  for (std::int64_t row = 0; row < array.length; ++row) {
    const auto at = static_cast<std::size_t>(array.offset + row);
    if (((bits[at / kBits] >> (at % kBits)) & 1U) == 0) {
      return true;
    }
  }
  return false;
}

Status check_extent(const ArrowArray& array, const std::string& column) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48;
  if (array.length < 0 || array.offset < 0 || array.length > kMost || array.offset > kMost) {
    return wrong(column, "its Arrow array has an impossible length or offset");
  }
  return {};
}

// Fills the buffers of `type` from an array, whose first `skipped` cells are not the column's.
Result<Cells> cells_of(Cells type,
                       const ArrowArray& array,
                       std::size_t skipped,
                       std::size_t length,
                       const std::string& column) {
  GENESIS_RETURN_IF_ERROR(check_extent(array, column));
  type.length = length;
  type.offset = static_cast<std::size_t>(array.offset) + skipped;
  if (skipped + length > static_cast<std::size_t>(array.length)) {
    return wrong(column, "its Arrow array is shorter than its table");
  }
  if (length == 0 || type.type == CellType::kNull) {
    return type;
  }
  const bool is_text = type.type == CellType::kText || type.type == CellType::kLargeText;
  const bool is_view = type.type == CellType::kTextView;
  const std::int64_t least = is_text || is_view ? 3 : 2;
  if (array.buffers == nullptr || array.n_buffers < least ||
      (!is_view && array.n_buffers > least) || array.buffers[1] == nullptr) {
    return wrong(column, "its Arrow array lacks a buffer");
  }
  if (array.null_count != 0) {
    type.validity = static_cast<const std::uint8_t*>(array.buffers[0]);
  }
  type.values = array.buffers[1];
  if (is_text) {
    type.bytes = array.buffers[2] == nullptr ? "" : static_cast<const char*>(array.buffers[2]);
    const bool is_wide = type.type == CellType::kLargeText;
    const std::size_t width = is_wide ? sizeof(std::int64_t) : sizeof(std::int32_t);
    std::int64_t end = 0;  // little endian, as all machines are that this runs on
    std::memcpy(
        &end, static_cast<const char*>(type.values) + (type.offset + length) * width, width);
    if (array.buffers[2] == nullptr && end != 0) {
      return wrong(column, "its Arrow array lacks a buffer");
    }
  }
  if (is_view) {
    const auto parts = static_cast<std::size_t>(array.n_buffers - least);
    const auto* sizes = static_cast<const std::int64_t*>(array.buffers[array.n_buffers - 1]);
    for (std::size_t part = 0; part < parts; ++part) {
      const auto* bytes = static_cast<const char*>(array.buffers[part + 2]);
      if (sizes == nullptr || sizes[part] < 0 || (bytes == nullptr && sizes[part] > 0)) {
        return wrong(column, "its Arrow array lacks a buffer");
      }
      type.parts.emplace_back(bytes, static_cast<std::size_t>(sizes[part]));
    }
  }
  if (type.dictionary) {
    if (array.dictionary == nullptr) {
      return wrong(column, "its Arrow array has no dictionary");
    }
    GENESIS_RETURN_IF_ERROR(check_extent(*array.dictionary, column));
    const auto entries = static_cast<std::size_t>(array.dictionary->length);
    GENESIS_ASSIGN(auto dictionary,
                   cells_of(*type.dictionary, *array.dictionary, 0, entries, column));
    type.dictionary = std::make_shared<Cells>(std::move(dictionary));
  }
  return type;
}

}  // namespace

Result<std::vector<ColumnCells>> columns_of(const ArrowSchema& schema, const std::string& name) {
  if (!is_struct(schema)) {
    GENESIS_RETURN_IF_ERROR(type_of(schema, name));
    return std::vector<ColumnCells>{{name, {}}};
  }
  GENESIS_RETURN_IF_ERROR(check_children(schema));
  std::vector<ColumnCells> columns;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    columns.push_back({std::string(text_of(schema.children[i]->name)), {}});
    GENESIS_RETURN_IF_ERROR(type_of(*schema.children[i], columns.back().name));
  }
  return columns;
}

Status append(const ArrowSchema& schema,
              const ArrowArray& array,
              std::vector<ColumnCells>& columns) {
  GENESIS_RETURN_IF_ERROR(check_extent(array, columns.empty() ? "" : columns.front().name));
  const auto length = static_cast<std::size_t>(array.length);
  if (!is_struct(schema)) {
    GENESIS_ASSIGN(auto type, type_of(schema, columns.front().name));
    GENESIS_ASSIGN(auto cells, cells_of(std::move(type), array, 0, length, columns.front().name));
    columns.front().chunks.push_back(std::move(cells));
    return {};
  }
  if (array.n_children != schema.n_children || (columns.size() > 0 && array.children == nullptr)) {
    return fail(Errc::kInvalidArgument, "its Arrow array has not the columns of its schema");
  }
  if (has_missing(array)) {
    return fail(Errc::kInvalidArgument,
                "has rows that are missing as a whole; leave them out of the Arrow array");
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (array.children[i] == nullptr) {
      return wrong(columns[i].name, "has no Arrow array");
    }
    GENESIS_ASSIGN(auto type, type_of(*schema.children[i], columns[i].name));
    GENESIS_ASSIGN(auto cells,
                   cells_of(std::move(type),
                            *array.children[i],
                            static_cast<std::size_t>(array.offset),
                            length,
                            columns[i].name));
    columns[i].chunks.push_back(std::move(cells));
  }
  return {};
}

}  // namespace genesis::python
