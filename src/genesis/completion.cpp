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

  [[nodiscard]] bool is_given(std::size_t row) const {
    return given != nullptr && (states == nullptr || (*states)[row] != Given::kNothing);
  }
  [[nodiscard]] std::string_view cell(std::size_t row) const {
    if (!is_given(row)) {
      return drawn[row];
    }
    const auto code = given->codes[row];
    return code == kMissingCode ? std::string_view() : std::string_view(given->categories[code]);
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

// Identifiers are made anew for each row: nothing is drawn for them, whatever they are.
void count(const std::vector<Output>& outputs,
           const method::Completed& completed,
           std::vector<CompletedColumn>& report) {
  std::size_t next = 0;
  for (const auto& output : outputs) {
    if (output.given == nullptr || output.states == nullptr) {
      continue;
    }
    if (next == report.size()) {
      report.push_back({output.name, 0, 0});
    }
    auto& column = report[next++];
    const auto* made = find(completed.rows, output.name);
    const bool is_identifier = made->kind == tabular::Kind::kIdentifier;
    for (std::size_t row = 0; row < completed.rows.rows; ++row) {
      const auto state = (*output.states)[row];
      column.drawn += state == Given::kNothing && !output.drawn[row].empty() ? 1 : 0;
      column.foreign += state == Given::kForeign && !is_identifier ? 1 : 0;
    }
  }
}

// Gives each block to `take` as it comes, with the columns that are written.
Result<std::vector<CompletedColumn>> complete_blocks(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    const std::function<Status(const std::vector<Output>&, const method::Completed&)>& take) {
  constexpr std::uint64_t kBlock = method::Synthesizer::kBlockRows;
  const auto draw = columns == Columns::kOfFile ? method::Draw::kValues : method::Draw::kAnything;
  std::vector<CompletedColumn> report;
  for (std::uint64_t first = 0; first < texts.rows || first == 0; first += kBlock) {
    const auto part = slice(texts, first, std::min<std::uint64_t>(kBlock, texts.rows - first));
    GENESIS_ASSIGN(const auto completed, synthesizer.complete(seed, first / kBlock, part, draw));
    const auto outputs = outputs_of(part, completed, columns);
    count(outputs, completed, report);
    if (report.empty()) {
      return fail(Errc::kInvalidArgument, "none of its columns is a column of the model");
    }
    GENESIS_RETURN_IF_ERROR(take(outputs, completed));
  }
  return report;
}

}  // namespace

Result<std::vector<CompletedColumn>> complete_table(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    tabular::TextCells cells,
    const std::function<Status(std::string_view)>& take) {
  std::vector<tabular::CsvCell> record;
  const auto write = [&](const std::vector<Output>& outputs, const method::Completed& completed) {
    std::string text;
    if (record.empty()) {
      for (const auto& output : outputs) {
        const auto given = output.given != nullptr ? tabular::TextCells::kRaw : cells;
        record.push_back({output.name, given});
      }
      tabular::append_csv_record(record, text);
    }
    for (std::size_t row = 0; row < completed.rows.rows; ++row) {
      for (std::size_t c = 0; c < outputs.size(); ++c) {
        record[c] = {outputs[c].cell(row),
                     outputs[c].is_given(row) ? tabular::TextCells::kRaw : cells};
      }
      tabular::append_csv_record(record, text);
    }
    return take(text);
  };
  return complete_blocks(synthesizer, texts, seed, columns, write);
}

Result<std::vector<CompletedColumn>> complete_rows(
    const method::Synthesizer& synthesizer,
    const tabular::Table& texts,
    std::uint64_t seed,
    Columns columns,
    const std::function<void(const method::Completed&)>& take) {
  const auto pass_on = [&](const std::vector<Output>& /*outputs*/,
                           const method::Completed& completed) -> Status {
    take(completed);
    return {};
  };
  return complete_blocks(synthesizer, texts, seed, columns, pass_on);
}

}  // namespace genesis
