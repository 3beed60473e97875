#pragma once
// Rows as codes, one a column, on the encoding that the sites have agreed on. Categories are coded
// as the encoder's modes. A number or date is coded as one of a few values, as a single value that
// many rows have, or as a bin: bins have about equal mass in the summed histogram. "Missing" is a
// code. Back from a bin, values are drawn from the histogram, so that each column's distribution
// is the table's. Pure; no LibTorch.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/rng.hpp"
#include "common/tabular/encoder.hpp"
#include "common/tabular/given_cells.hpp"
#include "common/tabular/where.hpp"

namespace genesis::autoregressive {

/// Rows that lie evenly on the column's values from `first` to `last`.
struct Atom {
  double first = 0.0;
  double last = 0.0;
  double rows = 0.0;
  std::uint32_t code = 0;
  bool operator==(const Atom&) const = default;
};

struct CodedColumn {
  std::size_t column = 0;  // in the encoder
  std::uint32_t codes = 0;
  std::vector<Atom> atoms;  // of a number or date: sorted, apart
  std::optional<std::uint32_t> missing = std::nullopt;
  bool operator==(const CodedColumn&) const = default;
};

/// codes[c][row] of coded column c.
struct CodedTable {
  std::size_t rows = 0;
  std::vector<std::vector<std::uint32_t>> codes;
};

/// What one coded column may be in a row.
struct Allowed {
  std::size_t column = 0;     // coded column
  std::vector<float> shares;  // of each code, the part of its rows that is allowed
  std::vector<Atom> atoms;    // of a number or date: the allowed values
};

/// The values of each code of a number or date, to draw from.
class ValueDraw {
 public:
  ValueDraw(std::span<const Atom> atoms, std::uint32_t codes, const tabular::Step& step);
  /// A value of `code`, which has atoms.
  [[nodiscard]] double operator()(std::uint32_t code, Rng& rng) const;
  [[nodiscard]] bool has_values(std::uint32_t code) const {
    return begins_[code] < begins_[code + 1];
  }

 private:
  tabular::Step step_;
  std::vector<Atom> atoms_;          // code after code
  std::vector<double> cumulative_;   // of rows, within each code
  std::vector<std::size_t> begins_;  // of each code, then their number
};

class Discretizer {
 public:
  /// Where no column has a code, there is nothing to learn, which parameter_specs() refuses.
  [[nodiscard]] static Result<Discretizer> fit(const tabular::Plan& plan,
                                               const tabular::Summary& total,
                                               std::size_t bins);
  [[nodiscard]] static Result<Discretizer> parse(std::string_view text);
  /// The encoder's document, with what is beside it here: what sites, checkpoint and model file
  /// carry.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] const tabular::Encoder& encoder() const { return encoder_; }
  [[nodiscard]] const std::vector<CodedColumn>& columns() const { return columns_; }
  [[nodiscard]] std::vector<std::uint32_t> codes() const;
  [[nodiscard]] std::vector<std::string> names() const;
  /// Of each column, the share of all sites' rows that each code has.
  [[nodiscard]] std::vector<std::vector<double>> shares() const;
  [[nodiscard]] const tabular::EncodedColumnSpec& spec(std::size_t coded) const {
    return encoder_.columns()[columns_[coded].column];
  }

  /// Of an encoder and what its columns are coded as, otherwise known. Errors: kInvalidArgument.
  [[nodiscard]] static Result<Discretizer> of(tabular::Encoder encoder,
                                              std::vector<CodedColumn> columns);
  /// Of a number or date: the code of `value`, which is within the column's bounds.
  [[nodiscard]] std::uint32_t code_of(std::size_t coded, double value) const;

  /// Errors: as Encoder::encode.
  [[nodiscard]] Result<CodedTable> encode(const tabular::Table& table, const Rng& rng) const;
  /// The codes of the cells of `texts` that the model understands, `unknown` for the others; and of
  /// each of the encoder's columns what was given. Errors: kInvalidArgument.
  struct GivenCodes {
    CodedTable codes;
    std::vector<std::vector<tabular::Given>> given;
  };
  [[nodiscard]] Result<GivenCodes> given_codes(const tabular::Table& texts,
                                               std::uint32_t unknown) const;
  /// Of each column that has values and missing cells: its values.
  [[nodiscard]] std::vector<Allowed> values() const;
  /// Rows with the numbers first_row, ... of the sample that `seed` names; values are drawn from
  /// `allowed`, where it holds the column.
  [[nodiscard]] tabular::Table decode(const CodedTable& coded,
                                      std::uint64_t seed,
                                      std::uint64_t first_row,
                                      std::span<const Allowed> allowed) const;
  /// Errors: kInvalidArgument where no value of the column meets the conditions.
  [[nodiscard]] Result<std::vector<Allowed>> allowed_by(const tabular::Where& where) const;

 private:
  Discretizer(tabular::Encoder encoder, std::vector<CodedColumn> columns)
      : encoder_(std::move(encoder)), columns_(std::move(columns)) {}
  [[nodiscard]] Status check() const;

  tabular::Encoder encoder_;
  std::vector<CodedColumn> columns_;
};

/// Gives atoms with rows codes 0, 1, ... by value, and returns their number: single values that 1
/// row in `bins` has are codes, and so are bins of the others, of about equal mass; where there are
/// few atoms, each is.
[[nodiscard]] std::uint32_t code_atoms(std::vector<Atom>& atoms, std::size_t bins);

/// The logarithm of how much more often than at all sites each code occurs in `coded`, of each
/// column. Few rows say little: counts are smoothed towards `shares`.
[[nodiscard]] std::vector<std::vector<float>> site_logits(
    const CodedTable& coded, const std::vector<std::vector<double>>& shares);

/// So many codes at most come of each column of `layout`, the largest that a plan can lead to.
[[nodiscard]] std::vector<std::uint32_t> most_codes(const tabular::Layout& layout,
                                                    std::size_t bins);

/// The order in which rows are drawn: coded columns as they are in the table, but `target` last.
/// Errors: kInvalidArgument where `target` is no column of `names`.
[[nodiscard]] Result<std::vector<std::uint32_t>> order_of(const std::vector<std::string>& names,
                                                          const std::optional<std::string>& target);

}  // namespace genesis::autoregressive
