#include "aggregator/protected_sum.hpp"

#include <algorithm>
#include <utility>

#include "common/base/overloaded.hpp"
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

std::string_view name_of(secure::CiphertextServer::Stage stage) {
  switch (stage) {
    case secure::CiphertextServer::Stage::kUploads:
      return rounds::to_string(rounds::Stage::kEncrypted);
    case secure::CiphertextServer::Stage::kAccept:
      return rounds::to_string(rounds::Stage::kAccept);
    case secure::CiphertextServer::Stage::kDecrypt:
    case secure::CiphertextServer::Stage::kOpened:
      break;
  }
  return rounds::to_string(rounds::Stage::kDecrypt);
}

}  // namespace

Status ProtectedSum::begin_masked(secure::SumTask task) {
  GENESIS_ASSIGN(auto server, secure::Server::begin(std::move(task)));
  serve(server_.emplace<secure::Server>(std::move(server)));
  return {};
}

Status ProtectedSum::begin_encrypted(secure::SumTask task, secure::PaillierPublicKey key) {
  GENESIS_ASSIGN(auto server, secure::CiphertextServer::begin(std::move(task), std::move(key)));
  serve(server_.emplace<secure::CiphertextServer>(std::move(server)));
  return {};
}

// One document for all where all are sent the same.
template <typename Server>
void ProtectedSum::serve(const Server& server) {
  messages_.clear();
  names_.clear();
  const auto& roster = server.task().roster;
  const auto stage = name_of(server.stage());
  const bool is_first = stage == rounds::to_string(rounds::Stage::kKeys) ||
                        stage == rounds::to_string(rounds::Stage::kEncrypted);
  std::map<std::string, method::Document> by_bytes;
  for (const auto place : server.expected()) {
    auto bytes = server.message_for(place);
    auto name = is_first ? std::string(sums::kTaskDocument) : sums::message_name(stage, place);
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
  if (!is_hidden()) {
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
  const auto receive = [&](auto& server) -> Status {
    const auto place = server.task().place_of(client);
    if (!place) {
      return fail(Errc::kConflict, "is not among the members of this sum");
    }
    GENESIS_RETURN_IF_ERROR(server.receive(*place, masked->message));
    return {};
  };
  return std::visit(Overloaded{[](ClearSum&) { return Status(); }, receive}, server_);
}

void ProtectedSum::add(const rounds::Counts& words) {
  auto& clear = std::get<ClearSum>(server_);
  clear.words.resize(words.size());
  secure::add(clear.words, words);
  ++clear.members;
}

Status ProtectedSum::close_stage() {
  const auto close = [&](auto& server) -> Status {
    GENESIS_RETURN_IF_ERROR(server.close());
    serve(server);
    return {};
  };
  return std::visit(Overloaded{[](ClearSum&) { return Status(); }, close}, server_);
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
  const auto open_clear = [&](ClearSum& clear) -> Result<Opened> {
    secure::reduce(clear.words, word_bits());
    GENESIS_ASSIGN(auto sum, form_.decode(clear.words, combine_, clear.members));
    return Opened{std::move(sum), {}};
  };
  const auto open = [&](auto& server) -> Result<Opened> {
    GENESIS_RETURN_IF_ERROR(server.close());
    GENESIS_ASSIGN(const auto sum, server.open());
    std::vector<ClientId> members;
    for (const auto place : sum.survivors) {
      members.push_back(server.task().roster[place].id);
    }
    GENESIS_ASSIGN(auto opened, form_.decode(sum.sum, combine_, members.size()));
    return Opened{std::move(opened), std::move(members)};
  };
  return std::visit(Overloaded{open_clear, open}, server_);
}

std::uint64_t ProtectedSum::max_bytes() const {
  // More than the shares of 1,024 members, or than a ciphertext that is not full.
  constexpr std::uint64_t kHeaderRoom = 1U << 20;
  constexpr std::uint64_t kMostBytesOfWord = 2 * sizeof(std::uint64_t);
  return kHeaderRoom + std::uint64_t{words()} * kMostBytesOfWord;
}

}  // namespace genesis::aggregator
