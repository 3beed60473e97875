#include "common/autoregressive/private_encoding.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "common/mixture/counts.hpp"
#include "common/tabular/encoder_columns.hpp"

namespace genesis::autoregressive {
namespace {

constexpr std::uint32_t kNoCode = std::numeric_limits<std::uint32_t>::max();

tabular::Mode mode_of(tabular::Mode::Type type, double weight) {
  tabular::Mode mode;
  mode.type = type;
  mode.weight = weight;
  return mode;
}

double rows_of(const mixture::Marginal& marginal) {
  return std::accumulate(marginal.atoms.begin(),
                         marginal.atoms.end(),
                         marginal.has_missing ? marginal.missing : 0.0,
                         [](double total, const mixture::Atom& atom) { return total + atom.rows; });
}

// Shares of the modes; the first one has what rounding leaves.
void set_weights(const std::vector<double>& rows, std::vector<tabular::Mode>& modes) {
  const double total = std::accumulate(rows.begin(), rows.end(), 0.0);
  for (std::size_t k = 0; k < modes.size(); ++k) {
    modes[k].weight = total > 0.0 ? rows[k] / total : 1.0 / static_cast<double>(modes.size());
  }
}

// As the model's conditions read it: categories are modes; of a number, any value is one mode.
tabular::EncodedColumnSpec spec_of(const mixture::Column& column,
                                   const mixture::Marginal& marginal) {
  tabular::EncodedColumnSpec spec;
  spec.name = column.name;
  spec.kind = column.kind;
  if (!column.is_counted()) {
    return spec;
  }
  std::vector<double> rows;
  if (column.is_number()) {
    spec.precision = column.precision;
    spec.rounding.decimals = column.precision;
    spec.format = column.format;
    spec.minimum = column.minimum;
    spec.maximum = mixture::value_of(column, column.units - 1);
    auto mode = mode_of(
        column.units > 1 ? tabular::Mode::Type::kGaussian : tabular::Mode::Type::kExact, 1.0);
    mode.mean = spec.minimum + (spec.maximum - spec.minimum) / 2.0;
    mode.deviation = column.units > 1 ? spec.maximum - spec.minimum : 0.0;
    spec.modes.push_back(std::move(mode));
    rows.push_back(rows_of(marginal) - (marginal.has_missing ? marginal.missing : 0.0));
  } else {
    rows.assign(column.categories.size(), 0.0);
    for (const auto& category : column.categories) {
      spec.modes.push_back(mode_of(tabular::Mode::Type::kCategory, 0.0));
      spec.modes.back().category = category;
    }
    for (const auto& atom : marginal.atoms) {
      for (auto unit = atom.first; unit <= atom.last; ++unit) {
        rows[unit] = atom.rows / static_cast<double>(atom.last - atom.first + 1);
      }
    }
  }
  if (marginal.has_missing) {
    spec.modes.push_back(mode_of(tabular::Mode::Type::kMissing, 0.0));
    rows.push_back(marginal.missing);
  }
  set_weights(rows, spec.modes);
  return spec;
}

CodedColumn code_number(const mixture::Column& column,
                        const mixture::Marginal& marginal,
                        std::size_t bins) {
  CodedColumn coded;
  for (const auto& atom : marginal.atoms) {
    if (atom.rows > 0.0) {
      coded.atoms.push_back({mixture::value_of(column, atom.first),
                             mixture::value_of(column, atom.last),
                             atom.rows,
                             0});
    }
  }
  if (coded.atoms.empty()) {
    coded.atoms.push_back({column.minimum, mixture::value_of(column, column.units - 1), 1.0, 0});
  }
  coded.codes = code_atoms(coded.atoms, bins);
  if (marginal.has_missing) {
    coded.missing = coded.codes++;
  }
  return coded;
}

CodedColumn code_categories(const mixture::Column& column, const mixture::Marginal& marginal) {
  CodedColumn coded;
  coded.codes = static_cast<std::uint32_t>(column.categories.size());
  if (marginal.has_missing) {
    coded.missing = coded.codes++;
  }
  return coded;
}

std::vector<std::uint32_t> codes_of(const tabular::Column& cells,
                                    const mixture::Column& column,
                                    const Discretizer& discretizer,
                                    std::size_t place) {
  const auto& coded = discretizer.columns()[place];
  std::vector<std::uint32_t> codes;
  codes.reserve(cells.codes.size());
  for (const auto unit : mixture::units_of(cells, column)) {
    if (unit == mixture::kMissingUnit) {
      codes.push_back(coded.missing.value_or(kNoCode));
    } else if (unit == mixture::kNoUnit) {
      codes.push_back(kNoCode);
    } else if (column.is_number()) {
      codes.push_back(discretizer.code_of(place, mixture::value_of(column, unit)));
    } else {
      codes.push_back(static_cast<std::uint32_t>(unit));
    }
  }
  return codes;
}

Status check_same(const mixture::Schema& schema, const Discretizer& discretizer) {
  const auto& columns = discretizer.encoder().columns();
  bool is_same = columns.size() == schema.size();
  for (std::size_t c = 0; is_same && c < columns.size(); ++c) {
    const bool has_missing =
        !columns[c].modes.empty() && columns[c].modes.back().type == tabular::Mode::Type::kMissing;
    is_same = columns[c].name == schema[c].name && columns[c].kind == schema[c].kind &&
              (!schema[c].is_number() || schema[c].units > 0) &&
              (schema[c].is_number() || !schema[c].is_counted() ||
               columns[c].modes.size() == schema[c].categories.size() + (has_missing ? 1 : 0));
  }
  return is_same ? Status()
                 : fail(Errc::kInvalidArgument,
                        "the server's columns and its encoding are not of one table");
}

}  // namespace

Result<Discretizer> discretizer_of(const mixture::Schema& schema,
                                   const mixture::Marginals& marginals,
                                   std::size_t bins) {
  std::vector<tabular::EncodedColumnSpec> specs;
  std::vector<CodedColumn> columns;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    const auto& marginal = marginals.columns[c];
    specs.push_back(spec_of(schema[c], marginal));
    if (schema[c].is_counted()) {
      auto& coded =
          columns.emplace_back(schema[c].is_number() ? code_number(schema[c], marginal, bins)
                                                     : code_categories(schema[c], marginal));
      coded.column = c;
    }
  }
  GENESIS_ASSIGN(auto encoder, tabular::encoder_of(specs));
  return Discretizer::of(std::move(encoder), std::move(columns));
}

Result<CodedTable> code_rows(const tabular::Table& table,
                             const mixture::Schema& schema,
                             const Discretizer& discretizer) {
  GENESIS_RETURN_IF_ERROR(check_same(schema, discretizer));
  GENESIS_ASSIGN(const auto places, mixture::match_columns(table, schema));
  CodedTable coded;
  for (std::size_t place = 0; place < discretizer.columns().size(); ++place) {
    const std::size_t c = discretizer.columns()[place].column;
    coded.codes.push_back(codes_of(table.columns[places[c]], schema[c], discretizer, place));
  }
  for (std::size_t row = 0; row < table.rows; ++row) {
    const bool is_coded =
        std::ranges::none_of(coded.codes, [&](const auto& codes) { return codes[row] == kNoCode; });
    if (is_coded) {
      for (auto& codes : coded.codes) {
        codes[coded.rows] = codes[row];
      }
      ++coded.rows;
    }
  }
  for (auto& codes : coded.codes) {
    codes.resize(coded.rows);
  }
  return coded;
}

}  // namespace genesis::autoregressive
