#pragma once
// Small schemas, tables and noise for the tests of this folder.
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.hpp"
#include "common/mixture/protection.hpp"
#include "common/mixture/schema.hpp"
#include "common/tabular/table.hpp"
#include "common/tabular/text_table.hpp"
#include "tests/support/catch.hpp"

namespace genesis::mixture {

template <typename T>
T must(Result<T> result) {
  CAPTURE(result ? "" : result.error().message);
  REQUIRE(result);
  return std::move(*result);
}

// What `parse` reads from `text`, which the document refers to.
template <typename Parse>
auto read_json(const std::string& text, Parse parse) {
  const auto json = must(parse_json(text));
  return parse(json.root());
}

inline Column number(std::string name, double minimum, double maximum) {
  Column column;
  column.name = std::move(name);
  column.kind = tabular::Kind::kInteger;
  column.missing = Missing::kNever;
  REQUIRE(set_bounds(column, minimum, maximum));
  return column;
}

inline Column category(std::string name, std::vector<std::string> categories) {
  Column column;
  column.name = std::move(name);
  column.categories = std::move(categories);
  column.missing = Missing::kNever;
  return column;
}

inline tabular::Table table(const std::string& csv) {
  return must(tabular::parse_csv(csv, "test"));
}

// As a site reads it under differential privacy.
inline tabular::Table private_table(const std::string& csv) {
  return must(tabular::parse_text_table(csv, "test"));
}

// Rows in which `size` follows from `kind`, `spike` is 7 in most, and `wild` is spread evenly.
inline std::string related_rows(std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto below = [&](std::uint64_t bound) { return engine() % bound; };
  std::string csv = "kind,size,spike,wild,label\n";
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint64_t kind = below(3);
    const std::uint64_t size = kind * 300 + below(100);
    const bool is_yes = kind == 2 ? below(10) > 0 : below(10) == 0;
    csv += std::string(1, static_cast<char>('a' + kind)) + "," + std::to_string(size) + "," +
           std::to_string(below(10) > 2 ? 7 : below(1000)) + "," + std::to_string(below(1000)) +
           "," + (is_yes ? "yes" : "no") + "\n";
  }
  return csv;
}

inline Schema related_schema() {
  return {category("kind", {"a", "b", "c"}),
          number("size", 0, 999),
          number("spike", 0, 999),
          number("wild", 0, 999),
          category("label", {"no", "yes"})};
}

// Normal noise, rounded, from a seed: for tests alone.
class SeededNoise final : public NoiseSource {
 public:
  explicit SeededNoise(std::uint64_t seed) : engine_(seed) {}

  Status add(const Asked& /*asked*/,
             const Query& /*query*/,
             double variance,
             std::span<std::int64_t> counts) override {
    std::normal_distribution<double> noise(0.0, std::sqrt(variance));
    for (auto& count : counts) {
      count += std::llround(noise(engine_));
    }
    return {};
  }
  Result<std::vector<std::string>> names(std::string_view /*column*/,
                                         double /*variance*/,
                                         std::span<const Named> values) override {
    std::vector<std::string> names;
    for (const auto& [name, rows] : values) {
      if (rows > 50) {
        names.push_back(name);
      }
    }
    return names;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace genesis::mixture
