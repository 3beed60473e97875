#include "common/secure/history.hpp"

#include <utility>

#include "common/secure/codec.hpp"

namespace genesis::secure {
namespace {

constexpr std::string_view kMagic = "genesis.sums.v1";
constexpr std::size_t kMaxSums = std::size_t{1} << 20;
constexpr std::size_t kMaxNameBytes = 64;

std::string question_of(const SumTask& task) {
  return digest(task.query + task.parameters);
}

}  // namespace

Status SumHistory::begin(const SumTask& task) {
  GENESIS_RETURN_IF_ERROR(check(task));
  const std::string name = "sum " + std::to_string(task.sum);
  if (!run_.empty() && run_ != task.run) {
    return fail(Errc::kConflict, name + ": of another run than the sums before");
  }
  if (task.sum <= last_) {
    return fail(Errc::kConflict,
                name + ": the last one had the number " + std::to_string(last_) +
                    "; what was begun goes on as an attempt of the same sum");
  }
  std::string question = question_of(task);
  const auto before = asked_.find(question);
  if (before != asked_.end()) {
    return fail(Errc::kConflict,
                name + ": asks what sum " + std::to_string(before->second) +
                    " has asked; two sums of one input could be compared");
  }
  if (asked_.size() >= kMaxSums) {
    return fail(Errc::kResourceExhausted, name + ": too many sums in one run");
  }
  std::map<std::string, std::string> members;
  for (const Member& member : task.roster) {
    members.emplace(member.id.str(), digest(member.public_key));
  }
  for (const auto& [id, key] : members) {
    const auto known = peers_.find(id);
    if (!peers_.empty() && (known == peers_.end() || known->second != key)) {
      return fail(
          Errc::kPermissionDenied,
          name + ": " + id +
              " was not among the members of the first sum, or had another key; for another "
              "training, give this site a new folder for its state");
    }
  }
  run_ = task.run;
  if (peers_.empty()) {
    peers_ = std::move(members);
  }
  asked_.emplace(std::move(question), task.sum);
  last_ = task.sum;
  return {};
}

Status SumHistory::settle(const SumTask& task, const std::vector<Place>& members) {
  const std::string name = "sum " + std::to_string(task.sum);
  Writer ids;
  for (const Place place : members) {
    if (place >= task.roster.size()) {
      return fail(Errc::kInvalidArgument, name + ": is over a stranger");
    }
    ids.text(task.roster[place].id.str());
  }
  if (settled_.size() >= kMaxSums) {
    return fail(Errc::kResourceExhausted, name + ": too many sums; begin with a new state");
  }
  const auto digest_of_ids = digest(ids.bytes());
  // Without the method's parameters, which for counts change nothing: a server could vary them.
  const auto question = digest(Writer().text(task.purpose).text(task.parameters).bytes());
  const auto [before, is_new] = settled_.emplace(question, digest_of_ids);
  if (!is_new && before->second != digest_of_ids) {
    return fail(Errc::kConflict,
                name +
                    ": this site has answered the same question in a sum over other members; "
                    "the two could be compared");
  }
  return {};
}

void SumHistory::renew() {
  run_.clear();
  asked_.clear();
  last_ = 0;
}

std::string SumHistory::save() const {
  Writer writer;
  writer.raw(kMagic).text(run_).number(last_, 4).number(peers_.size(), 2);
  for (const auto& [id, key] : peers_) {
    writer.text(id).raw(key);
  }
  writer.number(asked_.size(), 4);
  for (const auto& [question, sum] : asked_) {
    writer.raw(question).number(sum, 4);
  }
  writer.number(settled_.size(), 4);
  for (const auto& [question, members] : settled_) {
    writer.raw(question).raw(members);
  }
  return writer.take();
}

Result<SumHistory> SumHistory::restore(std::string_view saved) {
  Reader reader("history of secure sums", saved);
  SumHistory history;
  GENESIS_ASSIGN(const auto magic, reader.raw(kMagic.size()));
  if (magic != kMagic) {
    return reader.wrong(Errc::kInvalidArgument, "of another version");
  }
  GENESIS_ASSIGN(const auto run, reader.text(kMaxNameBytes));
  history.run_ = run;
  GENESIS_ASSIGN(const auto last, reader.number(4));
  history.last_ = static_cast<std::uint32_t>(last);
  GENESIS_ASSIGN(const auto peers, reader.count(2, kMaxMembers));
  for (std::uint64_t i = 0; i < peers; ++i) {
    GENESIS_ASSIGN(const auto id, reader.text(kMaxNameBytes));
    GENESIS_ASSIGN(const auto key, reader.raw(kDigestBytes));
    history.peers_.emplace(id, key);
  }
  GENESIS_ASSIGN(const auto sums, reader.count(4, kMaxSums));
  for (std::uint64_t i = 0; i < sums; ++i) {
    GENESIS_ASSIGN(const auto question, reader.raw(kDigestBytes));
    GENESIS_ASSIGN(const auto sum, reader.number(4));
    history.asked_.emplace(question, static_cast<std::uint32_t>(sum));
  }
  GENESIS_ASSIGN(const auto settled, reader.count(4, kMaxSums));
  for (std::uint64_t i = 0; i < settled; ++i) {
    GENESIS_ASSIGN(const auto question, reader.raw(kDigestBytes));
    GENESIS_ASSIGN(const auto members, reader.raw(kDigestBytes));
    history.settled_.emplace(question, members);
  }
  GENESIS_RETURN_IF_ERROR(reader.end());
  return history;
}

}  // namespace genesis::secure
