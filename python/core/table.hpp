#pragma once
// A table on its way from Python into the engine: the text of a CSV file, or columns whose buffers
// stay where they are in Python's memory, and are held until nobody reads them any more.
#include <memory>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>

#include "common/tabular/table.hpp"
#include "core/arrow_abi.hpp"
#include "genesis/column_table.hpp"

namespace genesis::python {

/// Made and filled with the GIL; read and let go by any thread.
class Table {
 public:
  /// `argument` stands for the table in messages; `style` is that of pandas, polars or arrow, whose
  /// CSV files write some values differently.
  Table(std::string argument, const std::string& style);
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  void set_csv(std::string csv) { csv_ = std::move(csv); }
  /// The columns of what has __arrow_c_stream__ or __arrow_c_array__, or itself as the column
  /// `name` where it has none.
  void add_arrow(const nanobind::object& data, const std::string& name);
  /// A column of numbers that lie one behind the other, in place. Those of `texts`, where there
  /// are any, are places in it, and a negative one is missing; `validity` has a bit a row.
  void add_values(std::string name,
                  const std::string& type,
                  const nanobind::object& values,
                  std::size_t rows,
                  const nanobind::object& validity,
                  std::int64_t ticks_per_second,
                  int decimals,
                  bool has_zone,
                  const std::vector<std::string>& texts);
  [[nodiscard]] std::vector<std::string> names() const;  // of columns, not of a CSV file
  [[nodiscard]] std::size_t rows() const;

  [[nodiscard]] const std::string& csv() const { return csv_; }
  [[nodiscard]] const ColumnTable& columns() const { return columns_; }
  [[nodiscard]] const std::string& argument() const { return argument_; }

 private:
  struct Held;  // buffers of other libraries
  [[nodiscard]] Status take_stream(ArrowArrayStream& stream, const std::string& name);
  [[nodiscard]] Status take_array(ArrowSchema& schema, ArrowArray& array, const std::string& name);
  [[nodiscard]] const void* bytes_of(const nanobind::object& values, std::size_t size);

  std::string argument_;
  std::string csv_;
  ColumnTable columns_;
  std::unique_ptr<Held> held_;
};

void add_table(nanobind::module_& module);

}  // namespace genesis::python
