#include "genesis/completion.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

namespace genesis {
namespace {

using tabular::Given;
using tabular::kMissingCode;

// Rows [first, first + count), with the categories that occur in them.
tabular::Table slice(const tabular::Table& texts, std::size_t first, std::size_t count) {
  tabular::Table part;
  part.rows = count;
  for (const auto& column : texts.columns) {
    auto& made = part.columns.emplace_back();
    made.name = column.name;
    std::unordered_map<std::uint32_t, std::uint32_t> known;
    for (std::size_t row = first; row < first + count; ++row) {
      const auto code = column.codes[row];
      if (code == kMissingCode) {
        made.codes.push_back(kMissingCode);
        continue;
      }
      const auto [entry, is_new] = known.emplace(code, static_cast<std::uint32_t>(known.size()));
      if (is_new) {
        made.categories.push_back(column.categories[code]);
      }
      made.codes.push_back(entry->second);
    }
  }
  return part;
}

// A column as it is written: the given text where there is one, or else the drawn cell.
struct Output {
  std::string name;
  const tabular::Column* given = nullptr;
  std::vector<std::string> drawn;
  const std::vector<Given>* states = nullptr;  // null: not a column of the model

  [[nodiscard]] std::string_view cell(std::size_t row) const {
    const bool is_given = states == nullptr || (*states)[row] != Given::kNothing;
    if (given != nullptr && is_given) {
      const auto code = given->codes[row];
      return code == kMissingCode ? std::string_view() : std::string_view(given->categories[code]);
    }
    return drawn[row];
  }
};

const tabular::Column* find(const tabular::Table& table, const std::string& name) {
  const auto found = std::ranges::find(table.columns, name, &tabular::Column::name);
  return found == table.columns.end() ? nullptr : &*found;
}

std::vector<Output> outputs_of(const tabular::Table& texts,
                               const method::Completed& completed,
                               Columns columns) {
  std::vector<Output> outputs;
  const auto& rows = completed.rows.columns;
  const auto add = [&](const std::string& name) {
    Output output{.name = name, .given = find(texts, name), .drawn = {}, .states = nullptr};
    const auto at = std::ranges::find(rows, name, &tabular::Column::name);
    if (at != rows.end()) {
      output.drawn = tabular::cell_texts(*at);
      output.states = &completed.given[static_cast<std::size_t>(at - rows.begin())];
    }
    outputs.push_back(std::move(output));
  };
  const auto& written = columns == Columns::kOfFile ? texts.columns : rows;
  for (const auto& column : written) {
    add(column.name);
  }
  return outputs;
}

void count(const tabular::Table& texts,
           const method::Completed& completed,
           std::vector<CompletedColumn>& report) {
  std::size_t next = 0;
  for (std::size_t c = 0; c < completed.rows.columns.size(); ++c) {
    const auto& name = completed.rows.columns[c].name;
    if (find(texts, name) == nullptr) {
      continue;
    }
    if (next == report.size()) {
      report.push_back({name, 0, 0});
    }
    auto& column = report[next++];
    for (const auto given : completed.given[c]) {
      column.drawn += given == Given::kNothing ? 1 : 0;
      column.foreign += given == Given::kForeign ? 1 : 0;
    }
  }
}

}  // namespace

Result<std::vector<CompletedColumn>> complete_table(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    tabular::TextCells cells,
    const std::function<Status(std::string_view)>& take) {
  constexpr std::uint64_t kBlock = method::Synthesizer::kBlockRows;
  const auto draw = columns == Columns::kOfFile ? method::Draw::kValues : method::Draw::kAnything;
  std::vector<CompletedColumn> report;
  std::vector<std::string_view> record;
  for (std::uint64_t first = 0; first < texts.rows || first == 0; first += kBlock) {
    const auto part = slice(texts, first, std::min<std::uint64_t>(kBlock, texts.rows - first));
    GENESIS_ASSIGN(const auto completed, synthesizer.complete(seed, first / kBlock, part, draw));
    count(part, completed, report);
    if (report.empty()) {
      return fail(Errc::kInvalidArgument, "none of its columns is a column of the model");
    }
    const auto outputs = outputs_of(part, completed, columns);
    std::string text;
    if (first == 0) {
      for (const auto& output : outputs) {
        record.push_back(output.name);
      }
      tabular::append_csv_record(record, text, cells);
    }
    for (std::size_t row = 0; row < part.rows; ++row) {
      for (std::size_t c = 0; c < outputs.size(); ++c) {
        record[c] = outputs[c].cell(row);
      }
      tabular::append_csv_record(record, text, cells);
    }
    GENESIS_RETURN_IF_ERROR(take(text));
  }
  return report;
}

}  // namespace genesis
