#include "common/privacy/ledger.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

#include "common/base/check.hpp"

namespace genesis::privacy {
namespace {

constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxRun = 256;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Status check(const Question& question) {
  if (question.run.empty() || question.run.size() > kMaxRun) {
    return fail(Errc::kInvalidArgument, "a charge names its run, in at most 256 bytes");
  }
  if (!is_hex(question.query_sha256, 64)) {
    return fail(Errc::kInvalidArgument, "a charge names what was asked by a SHA-256");
  }
  return {};
}

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(6);
  text << value;
  return text.str();
}

std::string line_name(std::uint64_t sequence) {
  return "line " + std::to_string(sequence + 1);
}

}  // namespace

Status check_data_set_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool valid = !name.empty() && name.size() <= kMaxName && plain(name.front()) &&
                     std::ranges::all_of(name, [&](char c) {
                       return plain(c) || c == '.' || c == '_' || c == '-';
                     });
  if (!valid) {
    return fail(Errc::kInvalidArgument,
                "data set: \"" + std::string(name.substr(0, kMaxName)) +
                    "\" is no name; use 1 to 63 letters, digits, '.', '_' and '-', the first a "
                    "letter or digit");
  }
  return {};
}

Result<Ledger::Read> Ledger::read(std::string_view text) {
  Read result;
  while (true) {
    const auto end = text.find('\n', result.complete_bytes);
    if (end == std::string_view::npos) {
      return result;
    }
    const auto line = text.substr(result.complete_bytes, end - result.complete_bytes);
    const std::string name = line_name(result.ledger.entries_.size());
    auto entry = parse_line(line);
    if (!entry) {
      return fail(Errc::kDataLoss, name + " was altered: " + entry.error().message);
    }
    const auto appended = result.ledger.append(*std::move(entry));
    if (!appended) {
      return fail(Errc::kDataLoss, name + ": " + appended.error().message);
    }
    result.complete_bytes = end + 1;
  }
}

Entry Ledger::next(Event event, std::string time) const {
  Entry entry;
  entry.sequence = entries_.size();
  entry.previous = entries_.empty() ? "" : entries_.back().hash;
  entry.time = std::move(time);
  entry.event = std::move(event);
  const auto complete = parse_line(to_line(Entry(entry)));
  GENESIS_CHECK(complete.has_value(), "an entry that is written can be read");
  return *complete;
}

Status Ledger::check_next(const Entry& entry) const {
  if (entry.sequence != entries_.size() ||
      entry.previous != (entries_.empty() ? "" : entries_.back().hash)) {
    return fail(Errc::kDataLoss,
                "does not follow the line before it: lines were removed, added or reordered");
  }
  if (entries_.empty() != std::holds_alternative<Opened>(entry.event)) {
    return fail(Errc::kDataLoss, "a ledger has one entry that opens it, the first");
  }
  if (const auto* opened = std::get_if<Opened>(&entry.event)) {
    GENESIS_RETURN_IF_ERROR(check_data_set_name(opened->data_set));
    if (!is_hex(opened->id, 32)) {
      return fail(Errc::kDataLoss, "the id of the ledger is none");
    }
    if (!is_hex(opened->public_key, crypto::kPublicKeyDigits)) {
      return fail(Errc::kDataLoss, "the public key of the ledger is none");
    }
  } else if (const auto* imported = std::get_if<Imported>(&entry.event)) {
    if (exported_ != imported->transfer) {
      return fail(Errc::kDataLoss, "was imported without having been exported");
    }
  } else if (exported_) {
    return fail(Errc::kDataLoss, "was written after the ledger had been exported");
  }
  return {};
}

Status Ledger::append(Entry entry) {
  GENESIS_RETURN_IF_ERROR(check_next(entry));
  if (std::holds_alternative<Imported>(entry.event)) {
    exported_.reset();
  } else if (const auto* exported = std::get_if<Exported>(&entry.event)) {
    exported_ = exported->transfer;
  }
  entries_.push_back(std::move(entry));
  return {};
}

const Entry* Ledger::charge_of(const Question& question) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    const auto* charged = std::get_if<Charged>(&entry.event);
    return charged != nullptr && charged->question.run == question.run &&
           charged->question.collection == question.collection &&
           charged->question.attempt == question.attempt;
  });
  return found == entries_.end() ? nullptr : &*found;
}

const Released* Ledger::release_of(std::uint64_t charge) const {
  for (const auto& entry : entries_) {
    const auto* released = std::get_if<Released>(&entry.event);
    if (released != nullptr && released->charge == charge) {
      return released;
    }
  }
  return nullptr;
}

tl::unexpected<Error> Ledger::closed() const {
  return fail(Errc::kFailedPrecondition,
              "the ledger was exported and this copy is closed; use the one where transfer " +
                  *exported_ + " was imported");
}

Result<std::optional<ChargeReceipt>> Ledger::consider(const Question& question,
                                                      const Cost& cost,
                                                      const std::optional<Guarantee>& total) const {
  GENESIS_RETURN_IF_ERROR(check(question));
  GENESIS_RETURN_IF_ERROR(privacy::check(cost));
  const std::string which =
      "collection " + std::to_string(question.collection) + " of run " + question.run;
  if (const Entry* entry = charge_of(question)) {
    const auto& charged = std::get<Charged>(entry->event);
    if (charged.question.query_sha256 != question.query_sha256 || charged.cost != cost) {
      return fail(Errc::kConflict,
                  which +
                      " was asked before with another question; a server that asks twice gets "
                      "one answer");
    }
    ChargeReceipt receipt{.sequence = entry->sequence};
    if (const Released* released = release_of(entry->sequence)) {
      receipt.state = ChargeState::kReleased;
      receipt.released_sha256 = released->sha256;
    } else if (exported_) {
      return closed();
    }
    return receipt;
  }
  if (exported_) {
    return closed();
  }
  if (question.attempt > 0) {
    Question before = question;
    --before.attempt;
    if (charge_of(before) == nullptr) {
      return fail(Errc::kInvalidArgument,
                  which + ": attempt " + std::to_string(question.attempt) +
                      " does not follow the one before it");
    }
  }
  if (total) {
    auto all = costs();
    all.push_back(cost);
    GENESIS_ASSIGN(const auto epsilon, epsilon_of(all, total->delta(), Adversary::kClaimed));
    if (epsilon > total->epsilon()) {
      GENESIS_ASSIGN(const auto so_far, spent(total->delta()));
      return fail(Errc::kResourceExhausted,
                  "the privacy budget of data set " + data_set() + " is exhausted: epsilon " +
                      text_of(so_far.epsilon.value) + " of " + text_of(total->epsilon().value) +
                      " is spent, and with " + which + " it would be " + text_of(epsilon.value) +
                      " (delta " + text_of(total->delta().value) +
                      "); nothing was released for it");
    }
  }
  return std::nullopt;
}

Result<bool> Ledger::consider_release(std::uint64_t charge, std::string_view sha256) const {
  if (!is_hex(sha256, 64)) {
    return fail(Errc::kInvalidArgument, "a release is named by its SHA-256");
  }
  if (charge >= entries_.size() || !std::holds_alternative<Charged>(entries_[charge].event)) {
    return fail(Errc::kNotFound, line_name(charge) + " of the ledger is no charge");
  }
  if (const Released* released = release_of(charge)) {
    if (released->sha256 == sha256) {
      return false;
    }
    return fail(Errc::kConflict,
                "other bytes were released for " + line_name(charge) +
                    " of the ledger; a second answer has to be charged");
  }
  if (exported_) {
    return closed();
  }
  return true;
}

std::vector<Cost> Ledger::costs() const {
  std::vector<Cost> costs;
  for (const auto& entry : entries_) {
    if (const auto* charged = std::get_if<Charged>(&entry.event)) {
      costs.push_back(charged->cost);
    }
  }
  return costs;
}

Result<Spent> Ledger::spent(Delta delta) const {
  const auto all = costs();
  Spent spent{.charges = all.size()};
  for (const auto& cost : all) {
    const std::uint64_t amount = squared_mu(cost, Adversary::kClaimed);
    spent.squared_mu +=
        std::min(amount, std::numeric_limits<std::uint64_t>::max() - spent.squared_mu);
  }
  GENESIS_ASSIGN(spent.epsilon, epsilon_of(all, delta, Adversary::kClaimed));
  GENESIS_ASSIGN(spent.worst, epsilon_of(all, delta, Adversary::kAllOthers));
  return spent;
}

Status Ledger::check_contains(const LedgerHead& head) const {
  if (entries_.empty() || head.id != id()) {
    return fail(Errc::kDataLoss,
                "the ledger has another id: it is of other data, or was made anew");
  }
  if (head.sequence >= entries_.size()) {
    return fail(Errc::kDataLoss,
                "the ledger ends with line " + std::to_string(entries_.size()) +
                    ", but there was a " + line_name(head.sequence) +
                    ": it was cut or restored from an older copy. Restore the newest one; what is "
                    "missing was spent");
  }
  if (entries_[head.sequence].hash != head.hash) {
    return fail(Errc::kDataLoss,
                line_name(head.sequence) +
                    " of the ledger is another one than before: it was restored from an older copy "
                    "and then went on. Restore the newest one; what is missing was spent");
  }
  return {};
}

Result<std::optional<std::string>> Ledger::check_told(std::string_view text) const {
  const auto told = parse_signed_head(text);
  if (!told) {
    return told.error().message;
  }
  if (entries_.empty() || told->head.id != id()) {
    return "it is of ledger " + told->head.id +
           ", another one. If these rows took part in that training, their ledger was lost and "
           "another one begun; restore the newest copy";
  }
  if (!told->is_by(public_key())) {
    return std::string("this ledger's key has not signed it: somebody has made it up");
  }
  GENESIS_RETURN_IF_ERROR(check_contains(told->head));
  return std::nullopt;
}

LedgerHead Ledger::head() const {
  GENESIS_CHECK(!entries_.empty(), "a ledger that was opened has entries");
  return {id(), entries_.back().sequence, entries_.back().hash};
}

const std::string& Ledger::id() const {
  return std::get<Opened>(entries_.front().event).id;
}

const std::string& Ledger::data_set() const {
  return std::get<Opened>(entries_.front().event).data_set;
}

const std::string& Ledger::public_key() const {
  return std::get<Opened>(entries_.front().event).public_key;
}

std::string Ledger::text() const {
  std::string text;
  for (const auto& entry : entries_) {
    text += to_line(entry) + "\n";
  }
  return text;
}

}  // namespace genesis::privacy
