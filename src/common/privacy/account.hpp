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
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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
  /// What was asked under this name counts to every run: it came before there was one.
  std::string prelude{};
};

/// Counts that are about to leave, and the noise that they need for their share.
struct Request {
  std::string run;
  std::uint32_t collection = 0;
  std::string query_sha256;  // of all that was asked
  std::uint64_t tables = 1;  // a row adds 1 to at most one cell of each
  double variance = 0;       // of this site's noise in each cell
  std::uint32_t shares = 1;  // sites whose noise counts (Cost::shares)
};

/// How names of values are told that nobody has declared: each value that occurs is counted, and
/// those whose noisy count reaches the threshold are named (Korolova et al. 2009; Wilson et al.
/// 2020). A value that a single unit has is named with a probability that delta pays for.
struct NameRule {
  std::uint64_t threshold = 0;
  std::uint64_t extra_delta = 0;  // units of kDeltaUnit
};

/// The least threshold at which names that only one unit of `rows_per_unit` rows has are told with
/// at most the probability `delta`. Errors: kInvalidArgument where the noise is none.
[[nodiscard]] Result<NameRule> name_rule(double variance,
                                         std::uint64_t rows_per_unit,
                                         double delta);

/// A value and in how many rows it is.
using Named = std::pair<std::string, std::uint64_t>;

/// Whether a training of that guarantee fits beside what a data set has spent, before it begins: it
/// is not to be stopped half way. Errors: kResourceExhausted.
[[nodiscard]] Status check_room(const Ledger& ledger,
                                const Guarantee& guarantee,
                                const Guarantee& total);

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

  /// The names that may leave of `values`, which differ. The same question gets the same ones.
  /// Errors: as those of release().
  [[nodiscard]] Result<std::vector<std::string>> release_names(const Request& request,
                                                               const NameRule& rule,
                                                               std::span<const Named> values);

  /// What `train` makes of rows by steps of DP-SGD: `request.tables` of them, with noise of the
  /// variance that the cost has, which it is called with at most once, after that is charged. The
  /// same question gets the same bytes without another training; where a training has ended before
  /// its bytes were kept, nothing of it has left, and another one needs no further charge. Errors:
  /// those of release(), and of `train`, whose charge stays.
  [[nodiscard]] Result<std::string> release_training(
      const Request& request,
      const Cost& cost,
      const std::function<Result<std::string>(const Cost&)>& train);

  [[nodiscard]] const Terms& terms() const { return terms_; }
  [[nodiscard]] const Ledger& ledger() const { return file_.ledger(); }
  /// LedgerFile::told_head.
  [[nodiscard]] std::string told_head(std::string_view run) const { return file_.told_head(run); }
  [[nodiscard]] bool has_key() const { return file_.has_key(); }

 private:
  Account(LedgerFile file, std::filesystem::path answers, const Terms& terms)
      : file_(std::move(file)), answers_(std::move(answers)), terms_(terms) {}

  /// Makes an answer's bytes with noise of the cost's variance.
  using Draw = std::function<Result<std::string>(const Cost&)>;
  /// The bytes of the answer, `size` of them where that is known.
  [[nodiscard]] Result<std::string> answer(const Request& request,
                                           const Cost& least,
                                           std::optional<std::size_t> size,
                                           const Draw& draw);

  struct Earlier {
    std::uint64_t charge = 0;
    Cost cost;
    std::optional<std::string> released_sha256;
  };
  [[nodiscard]] std::optional<Earlier> earlier(const Request& request) const;
  /// The cost at which all that the run was answered keeps its guarantee.
  [[nodiscard]] Result<Cost> affordable(const Request& request, const Cost& least) const;
  [[nodiscard]] Result<std::string> fix(std::uint64_t charge, const Cost& cost, const Draw& draw);
  [[nodiscard]] std::filesystem::path answer_path(std::uint64_t charge) const;

  LedgerFile file_;
  std::filesystem::path answers_;
  Terms terms_;
};

/// How a message begins that says that a budget is spent.
inline constexpr std::string_view kExhausted = "privacy budget exhausted: ";

}  // namespace genesis::privacy
