#include "common/quality/judgement.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "common/base/rng.hpp"
#include "common/base/text.hpp"
#include "common/quality/classifier.hpp"
#include "common/quality/draw.hpp"
#include "common/quality/shapes.hpp"

namespace genesis::quality {
namespace {

constexpr std::size_t kLeastRows = 30;
constexpr std::size_t kParts = 3;

// Fewer rows of wide tables, so that it takes seconds.
std::size_t most_rows(const std::vector<ComparedColumn>& columns) {
  constexpr std::size_t kMostCells = 400'000;
  return std::clamp<std::size_t>(kMostCells / columns.size(), 500, kJudgedRows);
}

struct Rows {
  Cells ComparedColumn::*table;
  std::vector<std::size_t> drawn;
};

std::size_t rows_of(const ComparedColumn& column, Cells ComparedColumn::*table) {
  const auto& cells = column.*table;
  return std::max(cells.numbers.size(), cells.codes.size());
}

Rows draw(const ComparedColumn& column,
          Cells ComparedColumn::*table,
          std::size_t most,
          std::string_view purpose) {
  return {table, draw_rows(rows_of(column, table), most, purpose)};
}

// The drawn rows of several tables, one after the other.
Feature feature_of(const ComparedColumn& column, const std::vector<Rows>& tables) {
  Feature feature;
  const bool is_number = tabular::is_continuous(column.kind);
  feature.categories = is_number ? 0 : std::max(column.categories, 1U);
  for (const auto& [table, drawn] : tables) {
    const auto& cells = column.*table;
    for (const auto row : drawn) {
      if (is_number) {
        feature.numbers.push_back(cells.numbers[row]);
      } else {
        static_assert(Feature::kMissingCategory == tabular::kMissingCode);
        feature.codes.push_back(cells.codes[row]);
      }
    }
  }
  return feature;
}

std::vector<std::size_t> numbers(std::size_t first, std::size_t count) {
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

std::vector<std::uint8_t> labels_at(const Examples& examples,
                                    const std::vector<std::size_t>& rows) {
  std::vector<std::uint8_t> labels;
  for (const auto row : rows) {
    labels.push_back(examples.labels[row]);
  }
  return labels;
}

// Which rows are of the class that is looked for, and what it is called.
struct Class {
  std::uint32_t category = 0;
  double above = std::numeric_limits<double>::quiet_NaN();  // of a number
  std::string name;
};

Result<Class> class_of(const ComparedColumn& column, const tabular::Table& real) {
  const auto one_value = [&]() -> tl::unexpected<Error> {
    return fail(Errc::kInvalidArgument,
                "target '" + column.name + "': the real rows have one value of it alone");
  };
  if (tabular::is_continuous(column.kind)) {
    const auto quantiles = quantiles_of(column.real.numbers);
    if (!quantiles || column.minimum >= column.maximum) {
      return one_value();
    }
    if ((*quantiles)[2] < column.maximum) {
      return Class{0, (*quantiles)[2], "above the real median"};
    }
    double below = column.minimum;  // the largest value but one
    for (const double number : column.real.numbers) {
      below = number < column.maximum ? std::max(below, number) : below;
    }
    return Class{0, below, "the real maximum"};
  }
  std::vector<std::size_t> rows(column.categories, 0);
  for (const auto code : column.real.codes) {
    if (code != tabular::kMissingCode) {
      ++rows[code];
    }
  }
  const auto several = std::ranges::count_if(rows, [](std::size_t count) { return count > 0; });
  if (several < 2) {
    return one_value();
  }
  std::uint32_t best = 0;
  for (std::uint32_t code = 0; code < column.categories; ++code) {
    const bool is_there = rows[code] > 0 && rows[best] > 0;
    if (rows[best] == 0 ||
        (is_there && (several == 2 ? rows[code] < rows[best] : rows[code] > rows[best]))) {
      best = code;
    }
  }
  const auto named = std::ranges::find(real.columns, column.name, &tabular::Column::name);
  return Class{best, std::numeric_limits<double>::quiet_NaN(), named->categories[best]};
}

std::vector<std::uint8_t> labels_of(const ComparedColumn& column,
                                    const std::vector<Rows>& tables,
                                    const Class& positive) {
  std::vector<std::uint8_t> labels;
  for (const auto& [table, drawn] : tables) {
    const auto& cells = column.*table;
    for (const auto row : drawn) {
      const bool is_one = std::isnan(positive.above) ? cells.codes[row] == positive.category
                                                     : cells.numbers[row] > positive.above;
      labels.push_back(is_one ? 1 : 0);
    }
  }
  return labels;
}

}  // namespace

std::optional<Detection> detect(const std::vector<ComparedColumn>& columns) {
  const auto& any = columns.front();
  const std::size_t count = std::min({rows_of(any, &ComparedColumn::real),
                                      rows_of(any, &ComparedColumn::synthetic),
                                      most_rows(columns)});
  if (count < kLeastRows) {
    return std::nullopt;
  }
  const std::vector<Rows> tables = {
      draw(any, &ComparedColumn::real, count, "real rows to tell apart"),
      draw(any, &ComparedColumn::synthetic, count, "synthetic rows to tell apart")};
  Examples examples;
  for (const auto& column : columns) {
    examples.features.push_back(feature_of(column, tables));
  }
  examples.labels.assign(2 * count, 0);
  std::fill(examples.labels.begin() + static_cast<std::ptrdiff_t>(count), examples.labels.end(), 1);

  std::vector<std::size_t> order = numbers(0, 2 * count);
  Rng rng(0, RoundId{}, "", "parts of the rows to tell apart");
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[rng.below(i)]);
  }
  Detection detection{0.0, 0.0, count};
  for (std::size_t part = 0; part < kParts; ++part) {
    std::vector<std::size_t> trained;
    std::vector<std::size_t> tested;
    for (std::size_t i = 0; i < order.size(); ++i) {
      (i % kParts == part ? tested : trained).push_back(order[i]);
    }
    const auto labels = labels_at(examples, tested);
    detection.regression +=
        area_under_curve(score_by_regression(examples, trained, tested), labels) / kParts;
    detection.trees += area_under_curve(score_by_trees(examples, trained, tested), labels) / kParts;
  }
  return detection;
}

namespace {

// The drawn rows that have a value of `column`; the others say nothing of what is to be learnt.
Rows with_value(const ComparedColumn& column, Rows rows) {
  const auto& cells = column.*rows.table;
  std::erase_if(rows.drawn, [&](std::size_t row) {
    return tabular::is_continuous(column.kind) ? std::isnan(cells.numbers[row])
                                               : cells.codes[row] == tabular::kMissingCode;
  });
  return rows;
}

}  // namespace

Result<Utility> utility(const std::vector<ComparedColumn>& columns,
                        const std::string& target,
                        const tabular::Table& real) {
  const auto found = std::ranges::find(columns, target, &ComparedColumn::name);
  if (found == columns.end()) {
    std::vector<std::string> names;
    std::ranges::transform(columns, std::back_inserter(names), &ComparedColumn::name);
    const auto near = nearest(target, names);
    return fail(Errc::kInvalidArgument,
                "target '" + target + "' is not a column that is compared" +
                    (near.empty() ? std::string() : "; did you mean '" + near + "'?"));
  }
  GENESIS_ASSIGN(const auto positive, class_of(*found, real));
  Utility result{target, positive.name, 0.5, 0.5};
  const std::size_t most = most_rows(columns);
  for (const bool is_real : {true, false}) {
    const std::vector<Rows> tables = {
        with_value(*found,
                   draw(*found,
                        is_real ? &ComparedColumn::real : &ComparedColumn::synthetic,
                        most,
                        is_real ? "real rows to learn from" : "synthetic rows to learn from")),
        with_value(*found, draw(*found, &ComparedColumn::holdout, most, "held-out rows to judge"))};
    Examples examples;
    for (const auto& column : columns) {
      if (column.name != target) {
        examples.features.push_back(feature_of(column, tables));
      }
    }
    examples.labels = labels_of(*found, tables, positive);
    const auto ones =
        std::count(examples.labels.begin() + static_cast<std::ptrdiff_t>(tables[0].drawn.size()),
                   examples.labels.end(),
                   1);
    if (ones == 0 || ones == static_cast<std::ptrdiff_t>(tables[1].drawn.size())) {
      return fail(Errc::kInvalidArgument,
                  "target '" + target + "': the held-out rows do not hold both what is " +
                      positive.name + " and what is not");
    }
    const auto trained = numbers(0, tables[0].drawn.size());
    const auto tested = numbers(trained.size(), tables[1].drawn.size());
    (is_real ? result.real : result.synthetic) =
        area_under_curve(score_by_trees(examples, trained, tested), labels_at(examples, tested));
  }
  return result;
}

}  // namespace genesis::quality
