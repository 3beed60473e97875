#include "cli/site_tables.hpp"

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

}  // namespace

Result<std::vector<tabular::NamedTable>> read_sites(const spec::FederatedTraining& training) {
  std::vector<tabular::NamedTable> sites;
  for (const auto& participant : training.participants) {
    if (!participant.data_path) {
      continue;
    }
    const auto reading = method::table_reading(training, participant.name);
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
  GENESIS_ASSIGN(const auto plan,
                 tabular::plan(sketches_of(sites), method::declarations(training.table)));
  return tabular::pool(sites, plan);
}

}  // namespace genesis::cli
