#include "common/privacy/ledger_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/crypto/entropy.hpp"

namespace genesis::privacy {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20U;
constexpr std::uint64_t kMaxHead = 256;
constexpr std::uint64_t kMaxKey = 256;
// How the last line of an exported ledger begins, and how it ends.
constexpr std::string_view kKeyBegin = R"({"signingKey":")";
constexpr std::string_view kKeyEnd = "\"}\n";

std::string cause() {
  return std::strerror(errno);
}

fs::path ledger_path(const fs::path& folder, const std::string& data_set) {
  return folder / (data_set + ".ledger");
}

fs::path head_path_of(const fs::path& folder, const std::string& data_set) {
  return folder / (data_set + ".head");
}

struct Loaded {
  Ledger ledger;
  std::size_t complete_bytes = 0;
  std::size_t bytes = 0;
  bool head_is_current = false;
};

// What the two files say together; changes nothing. kNotFound where neither is there.
Result<Loaded> load_files(const fs::path& folder, const std::string& data_set) {
  const auto path = ledger_path(folder, data_set);
  // The head first: the ledger only grows, so beside a site at work it is never behind that head.
  const auto head_text = read_file(head_path_of(folder, data_set), kMaxHead);
  const auto text = read_file(path, kMaxBytes);
  if (!text && text.error().code != Errc::kNotFound) {
    return tl::unexpected(text.error());
  }
  if (!head_text && head_text.error().code != Errc::kNotFound) {
    return tl::unexpected(head_text.error());
  }
  if (!text && !head_text) {
    return fail(Errc::kNotFound, path.string() + ": there is no ledger of data set " + data_set);
  }
  if (!text) {
    return fail(Errc::kDataLoss,
                path.string() + ": the ledger is missing, but its head " +
                    head_path_of(folder, data_set).string() +
                    " is there; restore the ledger from the newest copy");
  }
  auto read = Ledger::read(*text);
  if (!read) {
    return tl::unexpected(read.error().within(path.string()));
  }
  Loaded loaded{.ledger = std::move(read->ledger),
                .complete_bytes = read->complete_bytes,
                .bytes = text->size()};
  const auto& entries = loaded.ledger.entries();
  if (entries.empty()) {
    return fail(Errc::kDataLoss, path.string() + ": the ledger is empty; restore the newest copy");
  }
  if (loaded.ledger.data_set() != data_set) {
    return fail(Errc::kDataLoss,
                path.string() + ": is the ledger of data set " + loaded.ledger.data_set() +
                    ", not of " + data_set);
  }
  if (!head_text) {
    // A crash leaves a ledger that was just made or imported without a head, and no other.
    if (entries.size() > 1 && !std::holds_alternative<Imported>(entries.back().event)) {
      return fail(Errc::kDataLoss,
                  path.string() + ": its head " + head_path_of(folder, data_set).string() +
                      " is missing, so it can't be told whether the ledger was cut; restore both "
                      "from the newest copy");
    }
    return loaded;
  }
  const auto head = parse_head(std::string_view(*head_text).substr(0, head_text->find('\n')));
  if (!head) {
    return fail(Errc::kDataLoss,
                head_path_of(folder, data_set).string() + ": " + head.error().message);
  }
  const auto contained = loaded.ledger.check_contains(*head);
  if (!contained) {
    return tl::unexpected(contained.error().within(path.string()));
  }
  loaded.head_is_current = *head == loaded.ledger.head();
  return loaded;
}

// With all that are missing above it, each flushed to disk: a folder that a power cut takes away
// takes the ledger with it.
Status create_folders(const fs::path& folder) {
  std::error_code error;
  const auto absolute = fs::absolute(folder, error);
  std::vector<fs::path> missing;
  for (auto path = absolute; !error && !fs::exists(path, error); path = path.parent_path()) {
    missing.push_back(path);
  }
  if (!error) {
    fs::create_directories(absolute, error);
  }
  if (error) {
    return fail(Errc::kIo, folder.string() + ": cannot be created: " + error.message());
  }
  for (const auto& path : missing) {
    const int parent = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool flushed = parent >= 0 && ::fsync(parent) == 0;
    const std::string reason = cause();
    if (parent >= 0) {
      ::close(parent);
    }
    if (!flushed) {
      return fail(Errc::kIo, path.string() + ": cannot be flushed to disk: " + reason);
    }
  }
  return {};
}

Status append_durably(const fs::path& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be opened: " + cause());
  }
  const auto failed = [&](const char* what) {
    const std::string message = path.string() + ": " + what + ": " + cause();
    ::close(file);
    return fail(Errc::kIo, message);
  };
  while (!bytes.empty()) {
    const auto put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return failed("cannot be written");
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(file) != 0) {
    return failed("cannot be flushed to disk");
  }
  if (::close(file) != 0) {
    return fail(Errc::kIo, path.string() + ": cannot be closed: " + cause());
  }
  return {};
}

Status cut_durably(const fs::path& path, std::size_t size) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool done =
      file >= 0 && ::ftruncate(file, static_cast<off_t>(size)) == 0 && ::fsync(file) == 0;
  const std::string reason = cause();
  if (file >= 0) {
    ::close(file);
  }
  if (!done) {
    return fail(Errc::kIo,
                path.string() + ": a line that was never finished cannot be removed: " + reason);
  }
  return {};
}

}  // namespace

LedgerFile::LedgerFile(fs::path folder, std::string data_set, int lock)
    : folder_(std::move(folder)),
      data_set_(std::move(data_set)),
      lock_(lock),
      ledger_(Ledger::empty()) {}

LedgerFile::LedgerFile(LedgerFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      data_set_(std::move(other.data_set_)),
      lock_(std::exchange(other.lock_, -1)),
      ledger_(std::move(other.ledger_)),
      key_(std::move(other.key_)),
      broken_(other.broken_) {}

LedgerFile::~LedgerFile() {
  if (lock_ >= 0) {
    ::close(lock_);  // which releases the lock
  }
}

fs::path LedgerFile::path() const {
  return ledger_path(folder_, data_set_);
}

fs::path LedgerFile::head_path() const {
  return head_path_of(folder_, data_set_);
}

fs::path LedgerFile::key_path() const {
  return folder_ / (data_set_ + ".key");
}

Result<LedgerFile> LedgerFile::locked(const fs::path& folder, const std::string& data_set) {
  GENESIS_RETURN_IF_ERROR(check_data_set_name(data_set));
  GENESIS_RETURN_IF_ERROR(create_folders(folder));
  const auto path = folder / (data_set + ".lock");
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail(Errc::kIo, path.string() + ": cannot be opened: " + cause());
  }
  LedgerFile result(folder, data_set, file);
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(Errc::kFailedPrecondition,
                  path.string() + ": another process holds the ledger of data set " + data_set +
                      "; wait for it to end");
    }
    return fail(Errc::kIo, path.string() + ": cannot be locked: " + cause());
  }
  return result;
}

Result<LedgerFile> LedgerFile::open(const fs::path& folder,
                                    const std::string& data_set,
                                    Missing missing,
                                    const std::string& time) {
  GENESIS_ASSIGN(auto file, locked(folder, data_set));
  const auto loaded = file.load();
  if (loaded) {
    return file;
  }
  if (loaded.error().code != Errc::kNotFound || missing == Missing::kRefuse) {
    return tl::unexpected(loaded.error());
  }
  crypto::SystemEntropy entropy;
  auto key = crypto::SigningKey::random(entropy);
  const auto first = file.ledger_.next(
      Opened{
          .data_set = data_set, .id = crypto::random_id(entropy), .public_key = key.public_key()},
      time);
  GENESIS_RETURN_IF_ERROR(file.create(to_line(first) + "\n", std::move(key)));
  return file;
}

Status LedgerFile::load() {
  GENESIS_ASSIGN(auto loaded, load_files(folder_, data_set_));
  if (loaded.complete_bytes < loaded.bytes) {
    GENESIS_RETURN_IF_ERROR(cut_durably(path(), loaded.complete_bytes));
  }
  ledger_ = std::move(loaded.ledger);
  GENESIS_RETURN_IF_ERROR(load_key());
  if (loaded.head_is_current) {
    return {};
  }
  GENESIS_RETURN_IF_ERROR(append_durably(path(), ""));  // what was written may not be on disk yet
  return write_head();
}

// Without its key a ledger goes on, and tells heads without a signature: a site is not to lose its
// budget with it.
Status LedgerFile::load_key() {
  auto text = read_file(key_path(), kMaxKey);
  if (!text) {
    return text.error().code == Errc::kNotFound ? Status{} : tl::unexpected(text.error());
  }
  const crypto::Secret line(std::move(*text));
  auto key = crypto::SigningKey::parse(line.reveal().substr(0, line.reveal().find('\n')));
  if (!key || key->public_key() != ledger_.public_key()) {
    return fail(Errc::kDataLoss,
                key_path().string() +
                    ": is not the key of the ledger beside it; restore it with "
                    "the ledger, or remove it and tell heads without a "
                    "signature");
  }
  key_ = *std::move(key);
  return {};
}

std::string LedgerFile::told_head(std::string_view run) const {
  const auto head = ledger_.head();
  return key_ ? to_text(sign(head, run, *key_)) : to_text(head);
}

// Key before ledger, so that none is without one; ledger before head: a head alone is a ledger that
// was lost. Replaces what is there, as a whole.
Status LedgerFile::create(const std::string& text, std::optional<crypto::SigningKey> key) {
  if (key) {
    GENESIS_RETURN_IF_ERROR(write_file_atomic(
        key_path(), std::string(key->text().reveal()) + "\n", FileAccess::kOwnerOnly));
  }
  key_ = std::move(key);
  GENESIS_RETURN_IF_ERROR(write_file_atomic(path(), text, FileAccess::kOwnerOnly));
  GENESIS_ASSIGN(auto read, Ledger::read(text));
  ledger_ = std::move(read.ledger);
  return write_head();
}

Status LedgerFile::write_head() const {
  return write_file_atomic(head_path(), to_text(ledger_.head()) + "\n", FileAccess::kOwnerOnly);
}

Status LedgerFile::append(Event event, const std::string& time) {
  if (broken_) {
    return fail(Errc::kFailedPrecondition,
                path().string() + ": an earlier write failed; restart once the disk is in order");
  }
  Entry entry = ledger_.next(std::move(event), time);
  GENESIS_RETURN_IF_ERROR(ledger_.check_next(entry));
  broken_ = true;
  GENESIS_RETURN_IF_ERROR(append_durably(path(), to_line(entry) + "\n"));
  GENESIS_RETURN_IF_ERROR(ledger_.append(std::move(entry)));
  GENESIS_RETURN_IF_ERROR(write_head());
  broken_ = false;
  return {};
}

Result<ChargeReceipt> LedgerFile::charge(const Question& question,
                                         const Cost& cost,
                                         const std::optional<Guarantee>& total,
                                         const std::string& time) {
  GENESIS_ASSIGN(const auto earlier, ledger_.consider(question, cost, total));
  if (earlier) {
    return *earlier;
  }
  GENESIS_RETURN_IF_ERROR(append(Charged{question, cost}, time));
  return ChargeReceipt{.sequence = ledger_.head().sequence};
}

Status LedgerFile::record_release(std::uint64_t charge,
                                  const std::string& sha256,
                                  const std::string& time) {
  GENESIS_ASSIGN(const bool is_new, ledger_.consider_release(charge, sha256));
  return is_new ? append(Released{.charge = charge, .sha256 = sha256}, time) : Status{};
}

// Closed before the text exists: a crash between the two leaves no copy that can be charged, and
// exporting again gives the text.
Result<std::string> LedgerFile::export_to(const std::string& time) {
  if (!ledger_.exported()) {
    crypto::SystemEntropy entropy;
    GENESIS_RETURN_IF_ERROR(append(Exported{.transfer = crypto::random_id(entropy)}, time));
  }
  std::string text = ledger_.text() + std::string(kKeyBegin);
  if (key_) {
    text += key_->text().reveal();
  }
  return text + std::string(kKeyEnd);
}

namespace {

// An exported ledger, and the key that its last line has; none where it was lost.
struct Export {
  std::string_view lines;
  std::optional<crypto::SigningKey> key;
};

Result<Export> parse_export(std::string_view text) {
  const auto at = text.rfind(kKeyBegin);
  if (at == std::string_view::npos || at == 0 || !text.ends_with(kKeyEnd)) {
    return fail(Errc::kDataLoss,
                "is no exported ledger, or was cut off: its last line has no signing key. A ledger "
                "that was copied can still be charged where it is, so both together would spend "
                "the budget twice; export it");
  }
  Export parsed{.lines = text.substr(0, at), .key = std::nullopt};
  auto line = text.substr(at + kKeyBegin.size());
  line.remove_suffix(kKeyEnd.size());
  if (line.empty()) {
    return parsed;
  }
  auto key = crypto::SigningKey::parse(line);
  if (!key) {
    return fail(Errc::kDataLoss, "the last line was altered: " + key.error().message);
  }
  parsed.key = *std::move(key);
  return parsed;
}

}  // namespace

Result<LedgerFile> import_ledger(const fs::path& folder,
                                 const std::string& data_set,
                                 std::string_view text,
                                 const std::string& time) {
  GENESIS_ASSIGN(auto exported, parse_export(text));
  GENESIS_ASSIGN(auto read, Ledger::read(exported.lines));
  const auto& ledger = read.ledger;
  if (read.complete_bytes != exported.lines.size() || ledger.entries().empty()) {
    return fail(Errc::kDataLoss, "the exported ledger is cut off; export it again");
  }
  if (ledger.data_set() != data_set) {
    return fail(Errc::kInvalidArgument,
                "the exported ledger is of data set " + ledger.data_set() + ", not of " + data_set);
  }
  if (!ledger.exported()) {
    return fail(Errc::kInvalidArgument,
                "the ledger was copied, not exported: the copy that it was made of can still be "
                "charged, so both together would spend the budget twice; export it");
  }
  if (exported.key && exported.key->public_key() != ledger.public_key()) {
    return fail(Errc::kDataLoss, "the last line was altered: it is not the key of the ledger");
  }
  const Event imported = Imported{.transfer = *ledger.exported()};
  GENESIS_ASSIGN(auto file, LedgerFile::locked(folder, data_set));
  const auto loaded = file.load();
  if (!loaded && loaded.error().code != Errc::kNotFound) {
    return tl::unexpected(loaded.error());
  }
  if (loaded) {
    // The ledger comes back to where it was: what is here was closed, and the text goes on from it.
    if (!file.ledger_.exported() || !ledger.check_contains(file.ledger_.head()) ||
        ledger.exported() == file.ledger_.exported()) {
      return fail(Errc::kAlreadyExists,
                  file.path().string() +
                      ": there is a ledger already that the exported one does not continue; import "
                      "into another folder");
    }
  }
  const auto entry = ledger.next(imported, time);
  GENESIS_RETURN_IF_ERROR(
      file.create(std::string(exported.lines) + to_line(entry) + "\n", std::move(exported.key)));
  return file;
}

Result<Ledger> read_ledger(const fs::path& folder, const std::string& data_set) {
  GENESIS_RETURN_IF_ERROR(check_data_set_name(data_set));
  GENESIS_ASSIGN(auto loaded, load_files(folder, data_set));
  return std::move(loaded.ledger);
}

Result<fs::path> default_ledger_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): read at the start of a program, before it has threads
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return fs::path(state) / "genesis" / "ledger";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return fs::path(home) / ".local" / "state" / "genesis" / "ledger";
  }
  // NOLINTEND(concurrency-mt-unsafe)
  return fail(Errc::kFailedPrecondition,
              "there is no home folder to keep the privacy ledger in; name a folder for it");
}

}  // namespace genesis::privacy
