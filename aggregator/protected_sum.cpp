#include "aggregator/protected_sum.hpp"

#include <algorithm>
#include <utility>

#include "common/base/check.hpp"
#include "common/sums/task.hpp"

namespace genesis::aggregator {
namespace {

// The name that rounds and the wire have for a stage of the protocol.
std::string_view name_of(secure::SumStage stage) {
  switch (stage) {
    case secure::SumStage::kKeys:
      return rounds::to_string(rounds::Stage::kKeys);
    case secure::SumStage::kShares:
      return rounds::to_string(rounds::Stage::kShares);
    case secure::SumStage::kInputs:
      return rounds::to_string(rounds::Stage::kMasked);
    case secure::SumStage::kSurvivors:
      return rounds::to_string(rounds::Stage::kConfirm);
    case secure::SumStage::kReveal:
    case secure::SumStage::kOpened:
      break;
  }
  return rounds::to_string(rounds::Stage::kReveal);
}

}  // namespace

Status ProtectedSum::begin_attempt(secure::SumTask task) {
  GENESIS_ASSIGN(server_, secure::Server::begin(std::move(task)));
  serve();
  return {};
}

// One document for all where all are sent the same.
void ProtectedSum::serve() {
  messages_.clear();
  names_.clear();
  const auto& roster = server_->task().roster;
  const auto stage = server_->stage();
  std::map<std::string, method::Document> by_bytes;
  for (const auto place : server_->expected()) {
    auto bytes = server_->message_for(place);
    auto name = stage == secure::SumStage::kKeys ? std::string(sums::kTaskDocument)
                                                 : sums::message_name(name_of(stage), place);
    auto [same, is_new] = by_bytes.try_emplace(bytes);
    if (is_new) {
      same->second = method::make_document("", std::move(bytes));
    }
    auto document = same->second;
    document.name = name;
    messages_.insert_or_assign(name, std::move(document));
    names_.insert_or_assign(roster[place].id, std::move(name));
  }
}

Status ProtectedSum::take(const ClientId& client, const rounds::Body& body) {
  if (!server_) {
    const auto* plain = std::get_if<rounds::Plain>(&body);
    const auto* sent = plain == nullptr ? nullptr : std::get_if<rounds::Counts>(&plain->values);
    const auto most = secure::low_bits(word_bits());
    const bool is_sound = sent != nullptr && sent->size() == words() &&
                          std::ranges::all_of(*sent, [&](auto word) { return word <= most; });
    return is_sound ? Status()
                    : Status(fail(Errc::kInvalidArgument,
                                  "is not the " + std::to_string(words()) + " words of " +
                                      std::to_string(word_bits()) + " bits that were asked for"));
  }
  const auto* masked = std::get_if<rounds::Masked>(&body);
  if (masked == nullptr) {
    return fail(Errc::kInvalidArgument, "is in the clear; a message of a secure sum was asked for");
  }
  const auto place = server_->task().place_of(client);
  if (!place) {
    return fail(Errc::kConflict, "is not among the members of this sum");
  }
  GENESIS_RETURN_IF_ERROR(server_->receive(*place, masked->message));
  return {};
}

void ProtectedSum::add(const rounds::Counts& words) {
  clear_.resize(words.size());
  secure::add(clear_, words);
  ++members_;
}

Status ProtectedSum::close_stage() {
  GENESIS_CHECK(server_.has_value(), "stages are of masked sums");
  GENESIS_RETURN_IF_ERROR(server_->close());
  serve();
  return {};
}

std::optional<method::Document> ProtectedSum::message_for(const ClientId& client) const {
  const auto name = names_.find(client);
  return name == names_.end() ? std::nullopt : message(name->second);
}

std::optional<method::Document> ProtectedSum::message(std::string_view name) const {
  const auto found = messages_.find(name);
  return found == messages_.end() ? std::nullopt : std::optional(found->second);
}

Result<ProtectedSum::Opened> ProtectedSum::open() {
  Opened opened;
  if (!server_) {
    secure::reduce(clear_, word_bits());
    GENESIS_ASSIGN(opened.sum, form_.decode(clear_, combine_, members_));
    return opened;
  }
  GENESIS_RETURN_IF_ERROR(server_->close());
  GENESIS_ASSIGN(const auto sum, server_->open());
  for (const auto place : sum.survivors) {
    opened.members.push_back(server_->task().roster[place].id);
  }
  GENESIS_ASSIGN(opened.sum, form_.decode(sum.sum, combine_, opened.members.size()));
  return opened;
}

std::uint64_t ProtectedSum::max_bytes() const {
  constexpr std::uint64_t kHeaderRoom = 1U << 20;  // more than the shares of 1,024 members
  return kHeaderRoom + std::uint64_t{words()} * sizeof(std::uint64_t);
}

}  // namespace genesis::aggregator
