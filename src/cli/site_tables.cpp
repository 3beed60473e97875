#include "cli/site_tables.hpp"

#include <algorithm>

#include "common/method/table_reading.hpp"
#include "common/tabular/look_alikes.hpp"

namespace genesis::cli {
namespace {

std::vector<tabular::NamedSketch> sketches_of(const std::vector<tabular::NamedTable>& sites) {
  std::vector<tabular::NamedSketch> sketches;
  for (const auto& site : sites) {
    sketches.push_back({site.client, tabular::sketch(site.table)});
  }
  return sketches;
}

// Under differential privacy sites count cells that are not as declared, instead of refusing them.
void without_declarations(method::TableReading& reading) {
  for (const auto& column : reading.declarations) {
    const bool is_text = column.kind && !tabular::is_continuous(*column.kind);
    if (is_text && std::ranges::find(reading.discrete_columns, column.name) ==
                       reading.discrete_columns.end()) {
      reading.discrete_columns.push_back(column.name);
    }
  }
  reading.declarations.clear();
  reading.lenient = true;
}

std::vector<tabular::Declaration> declarations(const spec::FederatedTraining& training) {
  return training.privacy.differential_privacy ? std::vector<tabular::Declaration>()
                                               : method::declarations(training.table);
}

}  // namespace

Result<std::vector<tabular::NamedTable>> read_sites(const spec::FederatedTraining& training) {
  std::vector<tabular::NamedTable> sites;
  for (const auto& participant : training.participants) {
    if (!participant.data_path) {
      continue;
    }
    auto reading = method::table_reading(training, participant.name);
    if (training.privacy.differential_privacy) {
      without_declarations(reading);
    }
    auto table = tabular::read_csv(*participant.data_path, reading.options());
    if (!table) {
      return tl::unexpected(table.error().within(participant.name));
    }
    sites.push_back({participant.name, *std::move(table)});
  }
  return sites;
}

std::vector<std::string> look_alikes(const std::vector<tabular::NamedTable>& sites) {
  return tabular::look_alikes(sketches_of(sites));
}

std::vector<std::string> remarks(const std::vector<tabular::NamedTable>& sites) {
  std::vector<std::string> told;
  for (const auto& site : sites) {
    for (const auto& found : site.table.notes) {
      told.push_back(site.client + ": " + found);
    }
    for (const auto& column : site.table.columns) {
      if (!column.remark.empty()) {
        told.push_back(site.client + ": column '" + column.name + "': " + column.remark);
      }
    }
  }
  for (auto& alike : look_alikes(sites)) {
    told.push_back(std::move(alike));
  }
  return told;
}

Result<tabular::Table> pooled(const spec::FederatedTraining& training,
                              const std::vector<tabular::NamedTable>& sites) {
  GENESIS_ASSIGN(const auto plan, tabular::plan(sketches_of(sites), declarations(training)));
  return tabular::pool(sites, plan);
}

}  // namespace genesis::cli
