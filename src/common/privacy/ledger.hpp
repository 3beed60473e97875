#pragma once
// The privacy ledger of one data set: everything that was ever released of its rows, whatever
// training asked. Pure: what may be appended and what has been spent; ledger_file.hpp keeps it on
// disk. A site's own: no server can change it, and its entries bind all runs.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/privacy/cost.hpp"
#include "common/privacy/guarantee.hpp"
#include "common/privacy/ledger_entry.hpp"
#include "common/privacy/ledger_head.hpp"

namespace genesis::privacy {

/// What a charge has led to.
enum class ChargeState {
  kNew,       // nothing of it has left the site: noise may be drawn
  kReleased,  // the bytes of that digest, and no others, may be sent
};

struct ChargeReceipt {
  std::uint64_t sequence = 0;  // of the charge
  ChargeState state = ChargeState::kNew;
  std::string released_sha256{};
};

struct Spent {
  std::uint64_t charges = 0;
  std::uint64_t squared_mu = 0;  // units of 2^-40, against those that are claimed to be withstood
  Epsilon epsilon{};             // claimed
  Epsilon worst{};               // if all other sites collude
};

/// 1 to 63 of [a-zA-Z0-9._-], starting with a letter or digit: it is a file's name. Errors:
/// kInvalidArgument.
[[nodiscard]] Status check_data_set_name(std::string_view name);

class Ledger {
 public:
  /// A ledger whose first entry is still to be written.
  [[nodiscard]] static Ledger empty() { return {}; }

  struct Read;
  /// Reads all complete lines. Errors: kDataLoss names the line that is altered, missing or out of
  /// order, and what may have happened.
  [[nodiscard]] static Result<Read> read(std::string_view text);

  /// The entry that would come next. append() takes it once it is on disk.
  [[nodiscard]] Entry next(Event event, std::string time) const;
  /// Errors: kDataLoss where the entry does not follow.
  [[nodiscard]] Status append(Entry entry);
  [[nodiscard]] Status check_next(const Entry& entry) const;

  /// What to do about a question: the receipt of its earlier charge, or nothing, where `cost` is to
  /// be charged. Errors: kConflict where the same collection of the run was another question or
  /// another cost; kResourceExhausted where all answers together would exceed `total`;
  /// kFailedPrecondition where the ledger has been exported and nothing was released for the
  /// charge; kInvalidArgument.
  [[nodiscard]] Result<std::optional<ChargeReceipt>> consider(
      const Question& question, const Cost& cost, const std::optional<Guarantee>& total) const;

  /// Whether the release is still to be recorded. Errors: kConflict where another digest was
  /// released for the charge, kNotFound, kFailedPrecondition where the ledger has been exported.
  [[nodiscard]] Result<bool> consider_release(std::uint64_t charge, std::string_view sha256) const;

  /// Over all runs. Errors: kInvalidArgument where the noise is too weak to be accounted for.
  [[nodiscard]] Result<Spent> spent(Delta delta) const;
  [[nodiscard]] std::vector<Cost> costs() const;

  /// Errors: kDataLoss where `head` is of another ledger, or of a later or other history of this
  /// one.
  [[nodiscard]] Status check_contains(const LedgerHead& head) const;

  /// The same of a head that others hand back (a server, a model card), which may be made up: it
  /// binds only where this ledger's key has signed it. Returns why it was ignored, else nothing.
  /// Errors: kDataLoss where it is signed and the ledger does not contain it.
  [[nodiscard]] Result<std::optional<std::string>> check_told(std::string_view head) const;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] LedgerHead head() const;
  [[nodiscard]] const std::string& id() const;
  [[nodiscard]] const std::string& data_set() const;
  /// By which the heads that it tells are checked.
  [[nodiscard]] const std::string& public_key() const;
  /// The transfer under which this copy was given away, while it is.
  [[nodiscard]] const std::optional<std::string>& exported() const { return exported_; }
  /// All lines, as they are on disk.
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] tl::unexpected<Error> closed() const;
  [[nodiscard]] const Entry* charge_of(const Question& question) const;
  [[nodiscard]] const Released* release_of(std::uint64_t charge) const;

  std::vector<Entry> entries_;
  std::optional<std::string> exported_;
};

struct Ledger::Read {
  Ledger ledger;
  std::size_t complete_bytes = 0;  // what follows is a line that was never finished
};

}  // namespace genesis::privacy
