#include "common/tabular/summary_counts.hpp"

#include <numeric>
#include <string>

#include "common/tabular/summary_shape.hpp"

namespace genesis::tabular {

std::vector<std::uint64_t> counts_of(const Summary& summary) {
  std::vector<std::uint64_t> counts{summary.rows};
  for (const auto& column : summary.columns) {
    counts.push_back(column.missing);
    for (const auto* list : {&column.bins, &column.values, &column.categories}) {
      counts.insert(counts.end(), list->begin(), list->end());
    }
  }
  return counts;
}

std::vector<std::size_t> count_lists(const Plan& plan) {
  std::vector<std::size_t> lengths{1};
  for (const auto& column : plan.columns) {
    lengths.push_back(1 + bin_count(column) + column.values.size() + category_slots(column));
  }
  return lengths;
}

std::size_t count_words(const Plan& plan) {
  const auto lengths = count_lists(plan);
  return std::reduce(lengths.begin(), lengths.end(), std::size_t{0});
}

Result<Summary> summary_of(const std::vector<std::uint64_t>& counts, const Plan& plan) {
  if (counts.size() != count_words(plan)) {
    return fail(Errc::kInvalidArgument,
                "a summary of " + std::to_string(counts.size()) + " counts; the plan has " +
                    std::to_string(count_words(plan)));
  }
  Summary summary = empty_summary(plan);
  auto next = counts.begin();
  summary.rows = *next++;
  for (auto& column : summary.columns) {
    column.missing = *next++;
    for (auto* list : {&column.bins, &column.values, &column.categories}) {
      for (auto& count : *list) {
        count = *next++;
      }
    }
  }
  GENESIS_RETURN_IF_ERROR(check_shape(summary, plan));
  return summary;
}

}  // namespace genesis::tabular
