#pragma once
// A ledger on disk: DIR/NAME.ledger (the lines), DIR/NAME.head (the last line that was
// acknowledged), DIR/NAME.key (what signs heads) and DIR/NAME.lock. One process at a time holds it.
//
// Durability: a line is appended and fsynced, then the head is replaced and fsynced, and only then
// does a call return. So a line that was never finished was never acknowledged, and is dropped; a
// ledger that is shorter than its head was cut, and is refused. Where ledger and head are restored
// together from an older copy, only a head that is kept elsewhere shows it
// (Ledger::check_contains). The folder has to be on a file system that honours fsync and flock.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.hpp"
#include "common/crypto/signing.hpp"
#include "common/privacy/ledger.hpp"

namespace genesis::privacy {

/// Not thread-safe. Open as long as the process may release something.
class LedgerFile {
 public:
  enum class Missing { kCreate, kRefuse };

  /// Takes the lock and reads. Errors: kFailedPrecondition where another process has the lock;
  /// kNotFound; kDataLoss where the ledger was cut, altered or belongs to another data set; kIo.
  [[nodiscard]] static Result<LedgerFile> open(const std::filesystem::path& folder,
                                               const std::string& data_set,
                                               Missing missing,
                                               const std::string& time);
  ~LedgerFile();
  LedgerFile(LedgerFile&& other) noexcept;
  LedgerFile& operator=(LedgerFile&&) = delete;

  /// Ledger::consider, and the charge on disk before it returns. Nothing may be drawn or sent for
  /// the question where it fails, whatever the reason.
  [[nodiscard]] Result<ChargeReceipt> charge(const Question& question,
                                             const Cost& cost,
                                             const std::optional<Guarantee>& total,
                                             const std::string& time);
  /// On disk before it returns; call it before the first of the bytes is sent. Once it has
  /// succeeded, no other bytes can be released for the charge.
  [[nodiscard]] Status record_release(std::uint64_t charge,
                                      const std::string& sha256,
                                      const std::string& time);

  /// Closes this copy and returns the text that import_ledger() takes, again the same if it is
  /// called again. It has the ledger's key, so it is as secret.
  [[nodiscard]] Result<std::string> export_to(const std::string& time);

  /// The head now, for others to keep, signed for an answer to `run`; without a signature where the
  /// key was lost.
  [[nodiscard]] std::string told_head(std::string_view run) const;
  [[nodiscard]] bool has_key() const { return key_.has_value(); }

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] std::filesystem::path path() const;

 private:
  friend Result<LedgerFile> import_ledger(const std::filesystem::path& folder,
                                          const std::string& data_set,
                                          std::string_view text,
                                          const std::string& time);
  LedgerFile(std::filesystem::path folder, std::string data_set, int lock);
  [[nodiscard]] static Result<LedgerFile> locked(const std::filesystem::path& folder,
                                                 const std::string& data_set);
  [[nodiscard]] Status load();
  [[nodiscard]] Status load_key();
  [[nodiscard]] Status create(const std::string& text, std::optional<crypto::SigningKey> key);
  [[nodiscard]] Status append(Event event, const std::string& time);
  [[nodiscard]] Status write_head() const;
  [[nodiscard]] std::filesystem::path head_path() const;
  [[nodiscard]] std::filesystem::path key_path() const;

  std::filesystem::path folder_;
  std::string data_set_;
  int lock_;
  Ledger ledger_;
  std::optional<crypto::SigningKey> key_;
  // A write failed part of the way: what is on disk is unknown until the file is opened again.
  bool broken_ = false;
};

/// Takes over a ledger that export_to() has closed elsewhere; in the folder it came from, too, if
/// it has been exported again since. Errors: kAlreadyExists where the folder has a ledger that the
/// text does not continue; kInvalidArgument where the text was not exported; kDataLoss; kIo.
[[nodiscard]] Result<LedgerFile> import_ledger(const std::filesystem::path& folder,
                                               const std::string& data_set,
                                               std::string_view text,
                                               const std::string& time);

/// Reads without the lock and changes nothing: for people, while a site may be at work. Errors as
/// those of open().
[[nodiscard]] Result<Ledger> read_ledger(const std::filesystem::path& folder,
                                         const std::string& data_set);

/// $XDG_STATE_HOME/genesis/ledger, else ~/.local/state/genesis/ledger. Errors: kFailedPrecondition
/// without a home.
[[nodiscard]] Result<std::filesystem::path> default_ledger_folder();

}  // namespace genesis::privacy
