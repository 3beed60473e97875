#pragma once
// A table in the memory of the program that embeds the engine, as views of its buffers: the way in,
// as columns.hpp is the way out. Layouts are those of Arrow
// (https://arrow.apache.org/docs/format/Columnar.html), so that its buffers are read in place.
// Nothing here owns a buffer: they outlive the call that reads them, and nobody changes them
// meanwhile.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genesis {

enum class CellType {
  kNull,     // no buffer: every cell is missing
  kBoolean,  // a bit a cell
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,  // NaN is missing
  kFloat64,
  kDecimal128,  // whole numbers of 16 bytes, in units of 10^-decimals
  kText,        // offsets of 4 bytes into `bytes`, one more than cells; UTF-8
  kLargeText,   // the same of 8 bytes
  kTextView,    // views of 16 bytes, whose long texts are in `parts`
  kDate32,      // days since 1970, 4 bytes
  kDate64,      // milliseconds since 1970, 8 bytes
  kTime32,      // ticks since midnight
  kTime64,
  kTimestamp,  // ticks since 1970, UTC where it has a zone
  kDuration,   // ticks, 8 bytes: read as a number of seconds
};

/// Cells of one column that lie together.
struct Cells {
  CellType type = CellType::kNull;
  std::size_t length = 0;
  std::size_t offset = 0;                  // cells before the first, in each buffer
  const std::uint8_t* validity = nullptr;  // a bit a cell, 0 is missing; none: no cell is
  const void* values = nullptr;            // values, offsets or views
  const char* bytes = nullptr;             // of kText and kLargeText
  std::vector<std::string_view> parts = {};
  /// Ticks: 1, 10^3, 10^6 or 10^9.
  std::int64_t ticks_per_second = 1;
  /// Of kDecimal128, and of the seconds of a time or timestamp as they are read.
  int decimals = 0;
  bool has_zone = false;  // of kTimestamp
  /// Where it is there the values are whole numbers, each a place in it; a negative one is missing.
  std::shared_ptr<const Cells> dictionary = nullptr;
};

struct ColumnCells {
  std::string name;
  std::vector<Cells> chunks;
};

/// How values look that a CSV file can write in more than one way. It decides the texts of
/// categories and the format of dates, as it does in a file.
struct CellStyle {
  std::string truth = "true";
  std::string untruth = "false";
  bool whole_floats_have_point = true;  // 41.0
  char before_time = ' ';
  std::string utc = "+00:00";  // behind a timestamp that has a zone
};

/// Read as the CSV file of the same cells would be, so that a training on either has the same
/// model.
struct ColumnTable {
  std::vector<ColumnCells> columns;  // all of as many cells
  CellStyle style = {};
};

}  // namespace genesis
