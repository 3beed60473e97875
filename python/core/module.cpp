// genesis._core: the engine as Python's package genesis uses it. Private to that package, which
// gives it arguments that it has checked, and its users better names. All calls release the GIL
// while the engine works.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "common/base/version.hpp"
#include "common/method/table_reading.hpp"
#include "common/quality/evaluate.hpp"
#include "common/secure/paillier_files.hpp"
#include "common/spec/parse.hpp"
#include "core/bindings.hpp"
#include "core/engine_error.hpp"
#include "core/log_queue.hpp"
#include "core/table.hpp"

namespace nb = nanobind;

namespace genesis::python {
namespace {

const char* setting_name(Setting setting) {
  switch (setting) {
    case Setting::kNone:
      return "";
    case Setting::kServerUrl:
      return "server_url";
    case Setting::kServerAuthority:
      return "ssl_verify";
    case Setting::kClientCertificate:
      return "ssl_cert";
    case Setting::kAuthToken:
      return "auth_token";
    case Setting::kListenHost:
      return "host";
    case Setting::kListenPort:
      return "port";
    case Setting::kMetricsHost:
      return "metrics_host";
    case Setting::kMetricsPort:
      return "metrics_port";
  }
  return "";
}

void add_engine_error(nb::module_& module) {
  static PyObject* const type = PyErr_NewException("genesis._core.EngineError", nullptr, nullptr);
  module.attr("EngineError") = nb::borrow(type);
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const EngineError& engine) {
      const nb::object arguments = nb::make_tuple(std::string(to_string(engine.error.code)),
                                                  setting_name(engine.error.setting),
                                                  engine.error.message);
      PyErr_SetObject(type, arguments.ptr());
    }
  });
}

// The spec with its defaults, as JSON.
std::string check_spec(const std::string& text,
                       const std::string& name,
                       const Overrides& overrides) {
  return spec::print_json(take(spec::parse(text, name, overrides_of(overrides))));
}

// Writes the key of encrypted sums and its public half into the folder.
void make_paillier_key(const std::string& folder, unsigned bits) {
  const auto key = take(secure::PaillierKey::generate(bits));
  take(secure::write_paillier_key(folder, key));
}

// How close CSV text is to real rows: as JSON, as tables for people and, where it is asked for, as
// a page. `text` is the spec that says how the real rows are written; "" is none.
std::tuple<std::string, std::string, std::string> evaluate(
    const Table& real,
    const std::string& synthetic,
    const Table* holdout,
    const std::vector<std::string>& discrete_columns,
    const std::string& target,
    const std::string& text,
    bool has_page) {
  static const std::filesystem::path kNoFile;
  method::TableReading reading;
  if (!text.empty()) {
    reading = method::table_reading(take(spec::parse(text, "spec", {})), "");
  }
  std::ranges::copy_if(
      discrete_columns, std::back_inserter(reading.discrete_columns), [&](const auto& name) {
        return std::ranges::find(reading.discrete_columns, name) == reading.discrete_columns.end();
      });
  reading.lenient = true;  // what is text here is compared as text
  const auto read = [](const Table& rows, const tabular::ReadOptions& options) {
    return take(
        tabular::read_table({kNoFile, rows.csv(), rows.columns()}, rows.argument(), options));
  };
  const auto table = read(real, reading.options());
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    names.push_back(column.name);
  }
  const auto rows = take(tabular::parse_csv(synthetic, "synthetic", {.discrete_columns = names}));
  std::optional<tabular::Table> held_out;
  if (holdout != nullptr) {
    held_out = read(*holdout, {.discrete_columns = names});
  }
  const quality::Judging judging{
      .detection = true, .histograms = has_page, .attacks = has_page && held_out, .target = target};
  const auto report =
      take(quality::evaluate(table, rows, held_out ? &*held_out : nullptr, judging));
  return {quality::to_json(report),
          quality::print(report),
          has_page ? quality::to_html(report) : std::string()};
}

nb::list log_lines() {
  nb::list list;
  for (const auto& line : take_log_lines()) {
    list.append(nb::make_tuple(line.level, line.text));
  }
  return list;
}

}  // namespace
}  // namespace genesis::python

NB_MODULE(_core, module) {
  using namespace genesis::python;
  const nb::call_guard<nb::gil_scoped_release> released;
  module.attr("version") = std::string(genesis::version());
  add_engine_error(module);
  add_table(module);
  add_model(module);
  add_jobs(module);
  module.def("check_spec",
             &check_spec,
             nb::arg("spec"),
             nb::arg("spec_name"),
             nb::arg("overrides"),
             released);
  module.def("evaluate",
             &evaluate,
             nb::arg("real"),
             nb::arg("synthetic"),
             nb::arg("holdout").none(),
             nb::arg("discrete_columns"),
             nb::arg("target"),
             nb::arg("spec"),
             nb::arg("has_page"),
             released);
  module.def("make_paillier_key", &make_paillier_key, nb::arg("folder"), nb::arg("bits"), released);
  module.def("start_logging", &start_logging, nb::arg("level"), released);
  module.def("take_log_lines", &log_lines);
}
