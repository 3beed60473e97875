#pragma once
// What a site does around every answer under differential privacy, in the one order that is safe:
// charge the ledger, draw the noise, keep the noisy counts on disk, record their digest, hand them
// out. A crash between any two of these leaves a charge without an answer, or an answer that is
// found again; never an answer without a charge, nor a second one to the same question.
//
// DIR/NAME.ledger   what was charged and released (ledger_file.hpp)
// DIR/NAME.answers/ the noisy counts of each charge, which are sent again as they are
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/ledger_file.hpp"

namespace genesis::privacy {

/// What a training may do with the rows of one data set.
struct Terms {
  Guarantee guarantee;               // of all that one run is answered
  std::uint64_t rows_per_unit = 1;   // that are used
  std::optional<Guarantee> total{};  // of all runs together; none: runs are counted, not bounded
};

/// Counts that are about to leave, and the noise that they need for their share.
struct Request {
  std::string run;
  std::uint32_t collection = 0;
  std::string query_sha256;  // of all that was asked
  std::uint64_t tables = 1;  // a row adds 1 to at most one cell of each
  double variance = 0;       // of the noise of each cell
};

/// Not thread-safe; one process at a time has a data set's. Lives as long as the site may answer.
class Account {
 public:
  /// Opens the ledger of `data_set` in `folder`, or makes it. Errors: as LedgerFile::open.
  [[nodiscard]] static Result<Account> open(const std::filesystem::path& folder,
                                            const std::string& data_set,
                                            const Terms& terms);

  /// Noisy counts that may leave the site. The same question of the same run gets the same ones,
  /// under whichever collection it is asked again. The variance may be raised by up to 1% where the
  /// noise is so small that a lattice needs more than a Gaussian does. Errors, with which nothing
  /// may leave: kPermissionDenied where the run or the data set has no budget left (the message
  /// begins with kExhausted), where the ledger was exported, or where one collection was asked two
  /// questions; kDataLoss where an answer was released and its counts are gone; kIo.
  [[nodiscard]] Result<std::vector<std::int64_t>> release(const Request& request,
                                                          std::span<const std::uint64_t> counts);

  [[nodiscard]] const Terms& terms() const { return terms_; }
  [[nodiscard]] const Ledger& ledger() const { return file_.ledger(); }

 private:
  Account(LedgerFile file, std::filesystem::path answers, const Terms& terms)
      : file_(std::move(file)), answers_(std::move(answers)), terms_(terms) {}

  struct Earlier {
    std::uint64_t charge = 0;
    Cost cost;
    std::optional<std::string> released_sha256;
  };
  [[nodiscard]] std::optional<Earlier> earlier(const Request& request) const;
  /// The cost at which all that the run was answered keeps its guarantee.
  [[nodiscard]] Result<Cost> affordable(const Request& request, std::uint64_t cells) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> fix(std::uint64_t charge,
                                                      const Cost& cost,
                                                      std::span<const std::uint64_t> counts);
  [[nodiscard]] std::filesystem::path answer_path(std::uint64_t charge) const;

  LedgerFile file_;
  std::filesystem::path answers_;
  Terms terms_;
};

/// How a message begins that says that a budget is spent.
inline constexpr std::string_view kExhausted = "privacy budget exhausted: ";

/// The time now, RFC 3339 in UTC, as the ledger's entries have it.
[[nodiscard]] std::string utc_now();

}  // namespace genesis::privacy
