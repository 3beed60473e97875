#include "core/table.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <string_view>
#include <utility>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "common/base/text.hpp"
#include "core/arrow_import.hpp"
#include "core/bindings.hpp"
#include "core/engine_error.hpp"

namespace nb = nanobind;

namespace genesis::python {
namespace {

// The CSV writers of these libraries.
CellStyle style_of(const std::string& name) {
  if (name == "polars") {
    return {.before_time = 'T', .utc = "+0000"};
  }
  if (name == "arrow") {
    return {.whole_floats_have_point = false, .utc = "+0000"};
  }
  return {.truth = "True", .untruth = "False"};
}

struct NamedType {
  std::string_view name;  // as numpy has it
  CellType type;
  std::size_t bits;
};
constexpr std::array<NamedType, 14> kTypes = {{{"bits", CellType::kBoolean, 1},
                                               {"int8", CellType::kInt8, 8},
                                               {"int16", CellType::kInt16, 16},
                                               {"int32", CellType::kInt32, 32},
                                               {"int64", CellType::kInt64, 64},
                                               {"uint8", CellType::kUint8, 8},
                                               {"uint16", CellType::kUint16, 16},
                                               {"uint32", CellType::kUint32, 32},
                                               {"uint64", CellType::kUint64, 64},
                                               {"float32", CellType::kFloat32, 32},
                                               {"float64", CellType::kFloat64, 64},
                                               {"timestamp", CellType::kTimestamp, 64},
                                               {"duration", CellType::kDuration, 64},
                                               {"date32", CellType::kDate32, 32}}};
constexpr std::size_t kBitsOfByte = 8;

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(Errc::kInvalidArgument, what);
}

template <typename T>
T* pointer_in(const nb::handle& capsule, const char* name) {
  auto* const pointer = static_cast<T*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (pointer == nullptr) {
    throw nb::python_error();
  }
  return pointer;
}

// A buffer of Python's buffer protocol.
class Buffer {
 public:
  explicit Buffer(const nb::object& of) {
    if (PyObject_GetBuffer(of.ptr(), &view_, PyBUF_SIMPLE) != 0) {
      throw nb::python_error();
    }
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { PyBuffer_Release(&view_); }
  [[nodiscard]] const void* data() const { return view_.buf; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

// A column of texts, for the dictionary of another.
struct Texts {
  std::string bytes;
  std::vector<std::int64_t> ends = {0};
};

}  // namespace

struct Table::Held {
  std::deque<Released<ArrowArray>> arrays;
  std::deque<Buffer> buffers;
  std::deque<Texts> texts;
};

Table::Table(std::string argument, const std::string& style)
    : argument_(std::move(argument)), held_(std::make_unique<Held>()) {
  columns_.style = style_of(style);
}

// Producers of Arrow arrays may be written in Python, and buffers always belong to it.
Table::~Table() {
  const nb::gil_scoped_acquire acquire;
  held_.reset();
}

void Table::add_arrow(const nb::object& data, const std::string& name) {
  const auto add = [&]() -> Status {
    if (nb::hasattr(data, "__arrow_c_stream__")) {
      const nb::object capsule = data.attr("__arrow_c_stream__")();
      Released<ArrowArrayStream> stream;
      stream.take(*pointer_in<ArrowArrayStream>(capsule, "arrow_array_stream"));
      return take_stream(*stream, name);
    }
    const nb::object pair = data.attr("__arrow_c_array__")();
    const nb::object first = pair[0];
    const nb::object second = pair[1];
    Released<ArrowSchema> schema;
    schema.take(*pointer_in<ArrowSchema>(first, "arrow_schema"));
    return take_array(*schema, *pointer_in<ArrowArray>(second, "arrow_array"), name);
  };
  if (auto added = add(); !added) {
    throw EngineError{added.error().within(argument_)};
  }
}

Status Table::take_stream(ArrowArrayStream& stream, const std::string& name) {
  if (stream.release == nullptr || stream.get_schema == nullptr || stream.get_next == nullptr) {
    return invalid("its Arrow stream is used up already; pass the table itself, or a new stream");
  }
  const auto failed = [&](const char* what) {
    const char* const reason =
        stream.get_last_error == nullptr ? nullptr : stream.get_last_error(&stream);
    return invalid(std::string("its Arrow stream gives no ") + what + ": " +
                   (reason == nullptr ? "no reason is given" : printable(reason)));
  };
  Released<ArrowSchema> schema;
  if (stream.get_schema(&stream, schema.get()) != 0 || schema.is_empty()) {
    return failed("schema");
  }
  GENESIS_ASSIGN(auto columns, columns_of(*schema, name));
  while (true) {
    auto& array = held_->arrays.emplace_back();
    if (stream.get_next(&stream, array.get()) != 0) {
      return failed("rows");
    }
    if (array.is_empty()) {
      break;
    }
    GENESIS_RETURN_IF_ERROR(append(*schema, *array, columns));
  }
  std::ranges::move(columns, std::back_inserter(columns_.columns));
  return {};
}

Status Table::take_array(ArrowSchema& schema, ArrowArray& array, const std::string& name) {
  if (schema.release == nullptr || array.release == nullptr) {
    return invalid("its Arrow array is used up already; pass the table itself");
  }
  auto& held = held_->arrays.emplace_back();
  held.take(array);
  GENESIS_ASSIGN(auto columns, columns_of(schema, name));
  GENESIS_RETURN_IF_ERROR(append(schema, *held, columns));
  std::ranges::move(columns, std::back_inserter(columns_.columns));
  return {};
}

const void* Table::bytes_of(const nb::object& values, std::size_t size) {
  const auto& buffer = held_->buffers.emplace_back(values);
  if (buffer.size() < size) {
    throw EngineError{
        Error{Errc::kInvalidArgument, argument_ + ": a buffer is shorter than its column"}};
  }
  return buffer.data();
}

void Table::add_values(std::string name,
                       const std::string& type,
                       const nb::object& values,
                       std::size_t rows,
                       const nb::object& validity,
                       std::int64_t ticks_per_second,
                       int decimals,
                       bool has_zone,
                       const std::vector<std::string>& texts) {
  const auto* const known = std::ranges::find(kTypes, type, &NamedType::name);
  if (known == kTypes.end()) {
    throw EngineError{Error{Errc::kInvalidArgument,
                            argument_ + ": column '" + name + "': " + type + " is not read"}};
  }
  const auto bytes_for = [](std::size_t bits) { return (bits + kBitsOfByte - 1) / kBitsOfByte; };
  Cells cells{.type = known->type,
              .length = rows,
              .values = bytes_of(values, bytes_for(rows * known->bits)),
              .ticks_per_second = ticks_per_second,
              .decimals = decimals,
              .has_zone = has_zone};
  if (!validity.is_none()) {
    cells.validity = static_cast<const std::uint8_t*>(bytes_of(validity, bytes_for(rows)));
  }
  if (!texts.empty()) {
    auto& all = held_->texts.emplace_back();
    for (const auto& text : texts) {
      all.bytes += text;
      all.ends.push_back(static_cast<std::int64_t>(all.bytes.size()));
    }
    cells.dictionary = std::make_shared<Cells>(Cells{.type = CellType::kLargeText,
                                                     .length = texts.size(),
                                                     .values = all.ends.data(),
                                                     .bytes = all.bytes.data()});
  }
  columns_.columns.push_back({std::move(name), {std::move(cells)}});
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  std::ranges::transform(columns_.columns, std::back_inserter(names), &ColumnCells::name);
  return names;
}

std::size_t Table::rows() const {
  std::size_t rows = 0;
  if (!columns_.columns.empty()) {
    for (const auto& chunk : columns_.columns.front().chunks) {
      rows += chunk.length;
    }
  }
  return rows;
}

void add_table(nb::module_& module) {
  nb::class_<Table>(module, "Table")
      .def(nb::init<std::string, const std::string&>(), nb::arg("argument"), nb::arg("style"))
      .def("set_csv", &Table::set_csv, nb::arg("csv"))
      .def("add_arrow", &Table::add_arrow, nb::arg("data"), nb::arg("name"))
      .def("add_values",
           &Table::add_values,
           nb::arg("name"),
           nb::arg("type"),
           nb::arg("values"),
           nb::arg("rows"),
           nb::arg("validity").none(),
           nb::arg("ticks_per_second"),
           nb::arg("decimals"),
           nb::arg("has_zone"),
           nb::arg("texts"))
      .def_prop_ro("names", &Table::names)
      .def_prop_ro("rows", &Table::rows);
}

}  // namespace genesis::python
