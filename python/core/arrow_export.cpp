#include "core/arrow_export.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace genesis::python {
namespace {

using Columns = std::shared_ptr<const std::vector<ColumnValues>>;

// What a schema or an array points at. Children are released by their own `release`, unless
// whoever holds the parent has moved them out.
struct SchemaParts {
  std::string format;
  std::string name;
  std::vector<std::unique_ptr<ArrowSchema>> children;
  std::vector<ArrowSchema*> pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

struct ArrayParts {
  Columns columns;
  std::vector<std::uint8_t> validity;
  std::vector<std::int64_t> integers;
  std::string text;
  std::vector<const void*> buffers;
  std::vector<std::unique_ptr<ArrowArray>> children;
  std::vector<ArrowArray*> pointers;
  std::unique_ptr<ArrowArray> dictionary;
};

template <typename T, typename Parts>
void release(T* value) {
  const std::unique_ptr<Parts> parts(static_cast<Parts*>(value->private_data));
  for (const auto& child : parts->children) {
    if (child->release != nullptr) {
      child->release(child.get());
    }
  }
  if (parts->dictionary && parts->dictionary->release != nullptr) {
    parts->dictionary->release(parts->dictionary.get());
  }
  value->release = nullptr;
}

ArrowSchema schema_of(std::unique_ptr<SchemaParts> parts) {
  for (const auto& child : parts->children) {
    parts->pointers.push_back(child.get());
  }
  ArrowSchema schema{};
  schema.format = parts->format.c_str();
  schema.name = parts->name.c_str();
  schema.flags = kArrowNullable;
  schema.n_children = static_cast<std::int64_t>(parts->children.size());
  schema.children = parts->pointers.data();
  schema.dictionary = parts->dictionary.get();
  schema.release = release<ArrowSchema, SchemaParts>;
  schema.private_data = parts.release();
  return schema;
}

ArrowArray array_of(std::unique_ptr<ArrayParts> parts, std::size_t length, std::size_t missing) {
  for (const auto& child : parts->children) {
    parts->pointers.push_back(child.get());
  }
  ArrowArray array{};
  array.length = static_cast<std::int64_t>(length);
  array.null_count = static_cast<std::int64_t>(missing);
  array.n_buffers = static_cast<std::int64_t>(parts->buffers.size());
  array.n_children = static_cast<std::int64_t>(parts->children.size());
  array.buffers = parts->buffers.data();
  array.children = parts->pointers.data();
  array.dictionary = parts->dictionary.get();
  array.release = release<ArrowArray, ArrayParts>;
  array.private_data = parts.release();
  return array;
}

bool is_moment(const ColumnValues& column) {
  return column.kind == "datetime";
}

bool is_number(const ColumnValues& column) {
  return column.kind == "integer" || column.kind == "decimal" || is_moment(column);
}

std::size_t rows_of(const ColumnValues& column) {
  return is_number(column) ? column.numbers.size() : column.codes.size();
}

std::string format_of(const ColumnValues& column) {
  if (is_moment(column)) {
    const bool has_zone = column.format.find("%z") != std::string::npos ||
                          (!column.format.empty() && column.format.back() == 'Z');
    return column.format.starts_with('[') ? "tDu" : has_zone ? "tsu:UTC" : "tsu:";
  }
  return column.kind == "integer" ? "l" : column.kind == "decimal" ? "g" : "I";
}

std::unique_ptr<ArrowSchema> schema_of(const ColumnValues& column) {
  auto parts = std::make_unique<SchemaParts>();
  parts->format = format_of(column);
  parts->name = column.name;
  if (!is_number(column)) {
    auto texts = std::make_unique<SchemaParts>();
    texts->format = "U";
    parts->dictionary = std::make_unique<ArrowSchema>(schema_of(std::move(texts)));
  }
  return std::make_unique<ArrowSchema>(schema_of(std::move(parts)));
}

// Bits of the rows that have a value; returns how many have none.
template <typename IsMissing>
std::size_t mark(std::size_t rows, std::vector<std::uint8_t>& bits, const IsMissing& is_missing) {
  constexpr std::size_t kBits = 8;
  bits.assign((rows + kBits - 1) / kBits, 0);
  std::size_t missing = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    if (is_missing(row)) {
      ++missing;
    } else {
      bits[row / kBits] = static_cast<std::uint8_t>(bits[row / kBits] | (1U << (row % kBits)));
    }
  }
  return missing;
}

ArrowArray texts_of(const Columns& columns, const ColumnValues& column) {
  auto parts = std::make_unique<ArrayParts>();
  parts->columns = columns;
  parts->integers.push_back(0);
  for (const auto& text : column.texts) {
    parts->text += text;
    parts->integers.push_back(static_cast<std::int64_t>(parts->text.size()));
  }
  parts->buffers = {nullptr, parts->integers.data(), parts->text.data()};
  return array_of(std::move(parts), column.texts.size(), 0);
}

std::unique_ptr<ArrowArray> array_of(const Columns& columns, const ColumnValues& column) {
  constexpr double kMicroseconds = 1e6;
  auto parts = std::make_unique<ArrayParts>();
  parts->columns = columns;
  const std::size_t rows = rows_of(column);
  std::size_t missing = 0;
  const void* values = column.numbers.data();
  if (is_number(column)) {
    missing =
        mark(rows, parts->validity, [&](auto row) { return std::isnan(column.numbers[row]); });
    if (column.kind != "decimal") {
      const double unit = is_moment(column) ? kMicroseconds : 1.0;
      for (const double number : column.numbers) {
        parts->integers.push_back(
            std::isnan(number) ? 0 : static_cast<std::int64_t>(std::round(number * unit)));
      }
      values = parts->integers.data();
    }
  } else {
    values = column.codes.data();
    missing = mark(rows, parts->validity, [&](auto row) {
      return column.codes[row] == ColumnValues::kMissingCode;
    });
    parts->dictionary = std::make_unique<ArrowArray>(texts_of(columns, column));
  }
  parts->buffers = {missing == 0 ? nullptr : parts->validity.data(), values};
  return std::make_unique<ArrowArray>(array_of(std::move(parts), rows, missing));
}

struct Stream {
  Columns columns;
  bool is_over = false;
};

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  auto parts = std::make_unique<SchemaParts>();
  parts->format = "+s";
  for (const auto& column : *static_cast<const Stream*>(stream->private_data)->columns) {
    parts->children.push_back(schema_of(column));
  }
  *out = schema_of(std::move(parts));
  return 0;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  auto& state = *static_cast<Stream*>(stream->private_data);
  *out = {};
  if (std::exchange(state.is_over, true)) {
    return 0;
  }
  auto parts = std::make_unique<ArrayParts>();
  parts->columns = state.columns;
  parts->buffers.push_back(nullptr);  // gcc 14 sees an overrun in = {nullptr}
  for (const auto& column : *state.columns) {
    parts->children.push_back(array_of(state.columns, column));
  }
  const std::size_t rows = state.columns->empty() ? 0 : rows_of(state.columns->front());
  *out = array_of(std::move(parts), rows, 0);
  return 0;
}

}  // namespace

void export_stream(std::shared_ptr<const std::vector<ColumnValues>> columns,
                   ArrowArrayStream& out) {
  out.get_schema = get_schema;
  out.get_next = get_next;
  out.get_last_error = [](ArrowArrayStream*) -> const char* { return nullptr; };
  out.release = [](ArrowArrayStream* stream) {
    const std::unique_ptr<Stream> state(static_cast<Stream*>(stream->private_data));
    stream->release = nullptr;
  };
  out.private_data = std::make_unique<Stream>(Stream{std::move(columns)}).release();
}

}  // namespace genesis::python
