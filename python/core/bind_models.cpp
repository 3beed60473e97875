// Models as genesis._core has them: rows go as columns of numbers, codes and texts.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "common/base/utc.hpp"
#include "common/base/version.hpp"
#include "common/wire/model_card.hpp"
#include "core/arrow_export.hpp"
#include "core/bindings.hpp"
#include "core/engine_error.hpp"
#include "core/table.hpp"
#include "genesis/federated_synthesizer.hpp"

namespace nb = nanobind;

namespace genesis::python {
namespace {

template <typename T>
nb::bytes bytes_of(const std::vector<T>& values) {
  return nb::bytes(values.data(), values.size() * sizeof(T));
}

// (name, kind, format, numbers as float64 bytes, codes as uint32 bytes, texts)
nb::list tuples_of(const std::vector<ColumnValues>& columns) {
  nb::list list;
  for (const auto& column : columns) {
    list.append(nb::make_tuple(column.name,
                               column.kind,
                               column.format,
                               bytes_of(column.numbers),
                               bytes_of(column.codes),
                               column.texts));
  }
  return list;
}

// Generated rows, which Arrow streams may share.
struct Columns {
  std::shared_ptr<const std::vector<ColumnValues>> values;

  // The schema that is asked for is only a wish, and all that take one convert what they get.
  [[nodiscard]] nb::capsule stream(const nb::object& /*requested_schema*/) const {
    auto stream = std::make_unique<ArrowArrayStream>();
    export_stream(values, *stream);
    return nb::capsule(stream.release(), "arrow_array_stream", [](void* pointer) noexcept {
      const std::unique_ptr<ArrowArrayStream> held(static_cast<ArrowArrayStream*>(pointer));
      if (held->release != nullptr) {  // nobody has taken it
        held->release(held.get());
      }
    });
  }
};

class Model {
 public:
  explicit Model(FederatedSynthesizer synthesizer) : synthesizer_(std::move(synthesizer)) {}

  static std::unique_ptr<Model> load(const std::string& path) {
    return std::make_unique<Model>(take(FederatedSynthesizer::load(path)));
  }
  static std::unique_ptr<Model> from_bytes(std::string bytes, const std::string& name) {
    return std::make_unique<Model>(take(FederatedSynthesizer::from_bytes(std::move(bytes), name)));
  }

  void save(const std::string& path) const { take(synthesizer_.save(path)); }
  [[nodiscard]] const std::string& bytes() const { return synthesizer_.model().bytes; }
  [[nodiscard]] const std::string& sha256() const { return synthesizer_.model().sha256; }

  [[nodiscard]] std::vector<ColumnValues> columns(const SampleOptions& options) const {
    return take(synthesizer_.sample_columns(options));
  }
  [[nodiscard]] std::string csv(const SampleOptions& options) const {
    return take(synthesizer_.sample(options));
  }
  // Of a table; all columns of the model where `is_like`, which makes new rows with its values.
  [[nodiscard]] CompletedRows complete(const Table& table,
                                       bool is_like,
                                       const CompleteOptions& options) const {
    const SiteTable rows{table.argument(), {}, table.csv(), table.columns()};
    return take(is_like ? synthesizer_.sample_like(rows, options)
                        : synthesizer_.impute(rows, options));
  }
  // Of a file, into another.
  [[nodiscard]] std::vector<CompletedColumn> complete_file(const std::string& data,
                                                           const std::string& output,
                                                           bool is_like,
                                                           const CompleteOptions& options) const {
    return take(is_like ? synthesizer_.sample_like(data, output, options)
                        : synthesizer_.impute(data, output, options));
  }
  [[nodiscard]] std::pair<std::string, std::string> card() const {
    const wire::CardFacts facts{utc_now(), std::string(version()), std::nullopt};
    auto json = take(wire::model_card_json(bytes(), facts));
    auto page = take(wire::model_card_markdown(json));
    return {std::move(json), std::move(page)};
  }

 private:
  FederatedSynthesizer synthesizer_;
};

SampleOptions sample_options(std::uint64_t rows,
                             const std::vector<std::pair<std::string, std::string>>& conditions,
                             std::vector<std::string> where,
                             std::string balance,
                             std::uint64_t seed) {
  SampleOptions options{.rows = rows,
                        .where = std::move(where),
                        .seed = seed,
                        .balance = std::move(balance),
                        .raw_text = true};
  for (const auto& [column, value] : conditions) {
    options.conditions.push_back({column, value});
  }
  return options;
}

// (name, cells drawn, cells that are foreign to the model)
nb::list tuples_of(const std::vector<CompletedColumn>& report) {
  nb::list list;
  for (const auto& column : report) {
    list.append(nb::make_tuple(column.name, column.drawn, column.foreign));
  }
  return list;
}

// (columns, a byte a row for each: whether the cell was given, report)
nb::tuple tuple_of(CompletedRows rows) {
  nb::list given;
  for (const auto& column : rows.is_given) {
    given.append(bytes_of(column));
  }
  Columns columns{std::make_shared<const std::vector<ColumnValues>>(std::move(rows.columns))};
  return nb::make_tuple(std::move(columns), given, tuples_of(rows.report));
}

}  // namespace

void add_model(nb::module_& module) {
  nb::class_<Columns>(module, "Columns")
      .def("__arrow_c_stream__", &Columns::stream, nb::arg("requested_schema").none() = nb::none())
      .def("tuples", [](const Columns& columns) { return tuples_of(*columns.values); });
  nb::class_<Model>(module, "Model")
      .def_static("load", &Model::load, nb::call_guard<nb::gil_scoped_release>())
      .def_static("from_bytes",
                  [](const nb::bytes& bytes, const std::string& name) {
                    std::string copy(static_cast<const char*>(bytes.data()), bytes.size());
                    const nb::gil_scoped_release release;
                    return Model::from_bytes(std::move(copy), name);
                  })
      .def("save", &Model::save, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro(
          "bytes",
          [](const Model& model) { return nb::bytes(model.bytes().data(), model.bytes().size()); })
      .def_prop_ro("sha256", &Model::sha256)
      .def("columns",
           [](const Model& model,
              std::uint64_t rows,
              const std::vector<std::pair<std::string, std::string>>& conditions,
              std::vector<std::string> where,
              std::string balance,
              std::uint64_t seed) {
             std::vector<ColumnValues> columns;
             {
               const nb::gil_scoped_release release;
               columns = model.columns(
                   sample_options(rows, conditions, std::move(where), std::move(balance), seed));
             }
             return Columns{std::make_shared<const std::vector<ColumnValues>>(std::move(columns))};
           })
      .def(
          "csv",
          [](const Model& model,
             std::uint64_t rows,
             const std::vector<std::pair<std::string, std::string>>& conditions,
             std::vector<std::string> where,
             std::uint64_t seed) {
            return model.csv(sample_options(rows, conditions, std::move(where), {}, seed));
          },
          nb::call_guard<nb::gil_scoped_release>())
      .def("complete",
           [](const Model& model,
              const Table& table,
              bool is_like,
              std::uint64_t seed,
              std::string spec) {
             CompletedRows rows;
             {
               const nb::gil_scoped_release release;
               rows = model.complete(
                   table, is_like, {.seed = seed, .raw_text = true, .spec = std::move(spec)});
             }
             return tuple_of(std::move(rows));
           })
      .def(
          "complete_file",
          [](const Model& model,
             const std::string& data,
             const std::string& output,
             bool is_like,
             std::uint64_t seed,
             std::string spec) {
            std::vector<CompletedColumn> report;
            {
              const nb::gil_scoped_release release;
              report = model.complete_file(
                  data, output, is_like, {.seed = seed, .raw_text = true, .spec = std::move(spec)});
            }
            return tuples_of(report);
          })
      .def("card", &Model::card, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace genesis::python
