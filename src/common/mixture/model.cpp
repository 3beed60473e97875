#include "common/mixture/model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/json.hpp"
#include "common/mixture/settings.hpp"
#include "common/tabular/json_reader.hpp"

namespace genesis::mixture {
namespace {

using nlohmann::json;

constexpr const char* kTensor = "components";
constexpr std::size_t kMaxAtoms = std::size_t{1} << 20;  // of one column

json to_json(const Marginal& marginal) {
  json atoms = json::array();
  for (const auto& atom : marginal.atoms) {
    atoms.push_back({atom.first, atom.last, atom.rows});
  }
  return {{"atoms", std::move(atoms)}, {"missing", marginal.missing}};
}

tl::unexpected<Error> wrong(std::size_t column, const std::string& what) {
  return fail(Errc::kInvalidArgument,
              "model file: distributions[" + std::to_string(column) + "]: " + what);
}

Result<Marginal> marginal_from_json(JsonValue object,
                                    const Column& column,
                                    const Binning& binning,
                                    std::size_t place) {
  constexpr std::size_t kNumbers = 3;
  tabular::JsonReader reader(object, "model file: distributions[" + std::to_string(place) + "]");
  Marginal marginal;
  std::uint64_t next = 0;
  for (const JsonValue entry : reader.array("atoms", kMaxAtoms)) {
    std::vector<JsonValue> numbers;
    for (const JsonValue number : entry.elements()) {
      numbers.push_back(number);
    }
    if (numbers.size() != kNumbers) {
      return wrong(place, "expected atoms of three numbers");
    }
    const Atom atom{numbers[0].whole().value_or(kMissingUnit),
                    numbers[1].whole().value_or(kMissingUnit),
                    numbers[2].number().value_or(-1.0),
                    0.0};
    const bool is_sound = atom.first == next && atom.last >= atom.first &&
                          atom.last < column.size() && atom.rows >= 0.0 && std::isfinite(atom.rows);
    if (!is_sound) {
      return wrong(place, "do not cover the column once");
    }
    next = atom.last + 1;
    marginal.atoms.push_back(atom);
  }
  marginal.missing = reader.number("missing");
  GENESIS_RETURN_IF_ERROR(reader.status());
  if (column.is_counted() && next != column.size()) {
    return wrong(place, "do not cover the column once");
  }
  marginal.has_missing = binning.missing.has_value();
  std::vector<bool> has_values(binning.bins, false);
  for (const auto bin : bins_of_atoms(marginal, binning)) {
    has_values[bin] = true;
  }
  if (binning.missing) {
    has_values[*binning.missing] = true;
  }
  if (std::ranges::find(has_values, false) != has_values.end()) {
    return wrong(place, "leave a bin without values");
  }
  return marginal;
}

Result<Components> components_of(const Tensors& tensors, const Binnings& binnings) {
  Components components;
  components.offsets.push_back(0);
  for (const auto& binning : binnings) {
    components.offsets.push_back(components.offsets.back() + binning.bins);
  }
  const auto width = static_cast<std::int64_t>(components.width());
  const bool fits = tensors.specs.size() == 1 && tensors.specs[0].name == kTensor &&
                    tensors.specs[0].shape.size() == 2 && tensors.specs[0].shape[0] > 0 &&
                    tensors.specs[0].shape[1] == width;
  if (!fits) {
    return fail(Errc::kInvalidArgument,
                "model file: expected one tensor \"components\" as wide as all bins");
  }
  components.count = static_cast<std::size_t>(tensors.specs[0].shape[0]);
  for (const float share : tensors.values) {
    if (!(share >= 0.0F && share <= 1.001F)) {
      return fail(Errc::kInvalidArgument, "model file: a share is not between 0 and 1");
    }
  }
  components.shares = tensors.values;
  return components;
}

}  // namespace

wire::ModelFile to_file(const Model& model, const std::string& provenance) {
  json distributions = json::array();
  for (const auto& marginal : model.marginals.columns) {
    distributions.push_back(to_json(marginal));
  }
  const json encoder{{"columns", to_json(model.schema)},
                     {"bins", to_json(model.binnings)},
                     {"distributions", std::move(distributions)},
                     {"rows", model.marginals.rows}};
  wire::ModelFile file;
  file.generator.specs = {{kTensor,
                           {static_cast<std::int64_t>(model.components.count),
                            static_cast<std::int64_t>(model.components.width())}}};
  file.generator.values = model.components.shares;
  file.encoder_json = dump_json(encoder);
  file.model_json = json{
      {"method", kMethod},
      {"components", model.components.count},
      {"pairs", model.pairs},
      {"all_pairs",
       model.all_pairs}}.dump();
  file.provenance_json = provenance;
  return file;
}

Result<Model> from_file(const wire::ModelFile& file) {
  Model model;
  GENESIS_ASSIGN(const auto document, parse_json(file.encoder_json));
  GENESIS_ASSIGN(const auto encoder, Fields::of(document, "model file"));
  GENESIS_ASSIGN(model.schema, encoder.document("columns", &schema_from_json));
  for (const auto& column : model.schema) {
    if (column.is_number() && column.units == 0) {
      return fail(Errc::kInvalidArgument, "model file: column '" + column.name + "' has no bounds");
    }
  }
  const auto bins = document.root().find("bins");
  const auto distributions = document.root().find("distributions");
  if (!bins || !distributions || distributions->size() != model.schema.size()) {
    return fail(Errc::kInvalidArgument, "model file: expected bins and one distribution a column");
  }
  GENESIS_ASSIGN(model.binnings, binnings_from_json(*bins, model.schema));
  for (const JsonValue distribution : distributions->elements()) {
    const std::size_t c = model.marginals.columns.size();
    GENESIS_ASSIGN(auto marginal,
                   marginal_from_json(distribution, model.schema[c], model.binnings[c], c));
    model.marginals.columns.push_back(std::move(marginal));
  }
  GENESIS_ASSIGN(model.marginals.rows, encoder.number("rows"));
  GENESIS_ASSIGN(model.components, components_of(file.generator, model.binnings));
  return model;
}

}  // namespace genesis::mixture
