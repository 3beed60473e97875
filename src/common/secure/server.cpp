#include "common/secure/server.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

#include "common/base/check.hpp"
#include "common/secure/masks.hpp"
#include "common/secure/shamir.hpp"

namespace genesis::secure {
namespace {

tl::unexpected<Error> refused(Errc code, const std::string& who, std::string_view what) {
  return fail(code, who + ": " + std::string(what));
}

std::vector<Place> everybody(std::size_t members) {
  std::vector<Place> places(members);
  std::iota(places.begin(), places.end(), Place{0});
  return places;
}

std::vector<Place> places_of(const std::map<Place, std::string>& answers) {
  std::vector<Place> places;
  for (const auto& [place, digest] : answers) {
    places.push_back(place);
  }
  return places;
}

// Opens secrets from the shares of those who have revealed. Where more have than the threshold, a
// wrong share is worked around by leaving others out.
class Opener {
 public:
  Opener(const std::map<Place, Reveal>& reveals, std::size_t threshold) : reveals_(reveals) {
    std::vector<std::uint16_t> places;
    for (const auto& [place, reveal] : reveals) {
      places.push_back(static_cast<std::uint16_t>(place + 1));
    }
    for (std::size_t first = 0; first + threshold <= places.size(); ++first) {
      auto combiner = Combiner::at(std::span(places).subspan(first, threshold));
      GENESIS_CHECK(combiner.has_value(), "places of a map are distinct");
      windows_.push_back({.first = first, .count = threshold, .combiner = *std::move(combiner)});
    }
  }

  // The secret of `of` that `is_right`; `shares` chooses the kind.
  std::optional<crypto::Secret> open(
      Place of,
      std::map<Place, crypto::Secret> Reveal::*shares,
      const std::function<bool(const crypto::Secret&)>& is_right) const {
    std::vector<std::string_view> all;
    for (const auto& [place, reveal] : reveals_) {
      all.push_back((reveal.*shares).at(of).reveal());
    }
    for (const Window& window : windows_) {
      const auto secret =
          window.combiner.combine(std::span(all).subspan(window.first, window.count));
      if (secret && is_right(*secret)) {
        return *secret;
      }
    }
    return std::nullopt;
  }

 private:
  struct Window {
    std::size_t first;
    std::size_t count;
    Combiner combiner;
  };
  const std::map<Place, Reveal>& reveals_;  // of the server that makes this for one call
  std::vector<Window> windows_;
};

}  // namespace

std::string_view to_string(SumStage stage) {
  switch (stage) {
    case SumStage::kKeys:
      return "keys";
    case SumStage::kShares:
      return "shares";
    case SumStage::kInputs:
      return "inputs";
    case SumStage::kSurvivors:
      return "survivors";
    case SumStage::kReveal:
      return "reveal";
    case SumStage::kOpened:
      return "opened";
  }
  GENESIS_CHECK(false, "a stage has a name");
}

Server::Server(SumTask task)
    : task_(std::move(task)),
      context_(context_of(task_)),
      expected_(everybody(task_.roster.size())) {}

Result<Server> Server::begin(SumTask task) {
  GENESIS_RETURN_IF_ERROR(check(task));
  return Server(std::move(task));
}

Result<Receipt> Server::receive(Place member, std::string_view message) {
  if (member >= task_.roster.size()) {
    return fail(Errc::kFailedPrecondition, "not a member of this sum");
  }
  const std::string& who = task_.roster[member].id.str();
  std::string name = digest(message);
  for (const auto& answers : earlier_answers_) {
    const auto before = answers.find(member);
    if (before != answers.end() && before->second == name) {
      return Receipt::kDuplicate;
    }
  }
  const auto before = answers_.find(member);
  if (before != answers_.end()) {
    if (before->second != name) {
      return refused(Errc::kConflict, who, "another message than its first of this stage");
    }
    return Receipt::kDuplicate;
  }
  if (stage_ == SumStage::kOpened || !std::ranges::binary_search(expected_, member)) {
    return refused(Errc::kFailedPrecondition,
                   who,
                   "is not asked in the stage " + std::string(to_string(stage_)));
  }
  Status taken;
  switch (stage_) {
    case SumStage::kKeys:
      taken = take_keys(member, message);
      break;
    case SumStage::kShares:
      taken = take_shares(member, message);
      break;
    case SumStage::kInputs:
      taken = take_input(message);
      break;
    case SumStage::kSurvivors:
      taken = take_confirmation(member, message);
      break;
    case SumStage::kReveal:
      taken = take_reveal(member, message);
      break;
    case SumStage::kOpened:
      break;
  }
  if (!taken) {
    return tl::unexpected(taken.error().within(who));
  }
  answers_.emplace(member, std::move(name));
  return Receipt::kAccepted;
}

Status Server::take_keys(Place member, std::string_view message) {
  GENESIS_ASSIGN(auto keys, decode_keys(message));
  GENESIS_RETURN_IF_ERROR(verify(
      task_.roster[member].public_key, keys_to_sign(context_, member, keys), keys.signature));
  std::set<std::string_view> taken;
  for (const auto& [place, others] : keys_) {
    taken.insert({others.cipher_key, others.mask_key, others.seed_commitment});
  }
  if (!taken.insert(keys.cipher_key).second || !taken.insert(keys.mask_key).second ||
      !taken.insert(keys.seed_commitment).second) {
    return fail(Errc::kInvalidArgument, "two equal keys, or one of another member");
  }
  // Any private key shows a point of low order, which each other member would have to refuse.
  const crypto::Secret probe{std::string_view(context_)};
  GENESIS_RETURN_IF_ERROR(agree(probe, keys.cipher_key));
  GENESIS_RETURN_IF_ERROR(agree(probe, keys.mask_key));
  keys_.emplace(member, std::move(keys));
  return {};
}

Status Server::take_shares(Place member, std::string_view message) {
  GENESIS_ASSIGN(auto shares, decode_sealed_shares(message));
  const bool for_all_others =
      shares.size() + 1 == keys_.size() && !shares.contains(member) &&
      std::ranges::all_of(shares, [&](const auto& entry) { return keys_.contains(entry.first); });
  if (!for_all_others) {
    return fail(Errc::kInvalidArgument, "shares must be for each other member who has sent keys");
  }
  for (auto& [receiver, sealed] : shares) {
    routed_[receiver].emplace(member, std::move(sealed));
  }
  return {};
}

Status Server::take_input(std::string_view message) {
  GENESIS_ASSIGN(const Words input, unpack(message, task_.words, task_.word_bits));
  sum_.resize(task_.words);
  add(sum_, input);
  return {};
}

Status Server::take_confirmation(Place member, std::string_view message) {
  const std::string signed_text = survivors_to_sign(context_, digest(encode(keys_)), survivors_);
  GENESIS_RETURN_IF_ERROR(verify(task_.roster[member].public_key, signed_text, message));
  confirmations_.signatures.emplace(member, message);
  return {};
}

Status Server::take_reveal(Place member, std::string_view message) {
  GENESIS_ASSIGN(auto reveal, decode_reveal(message));
  const bool asked_for =
      reveal.seeds.size() == survivors_.size() &&
      reveal.mask_keys.size() + survivors_.size() == sharers_.size() &&
      std::ranges::all_of(survivors_, [&](Place place) { return reveal.seeds.contains(place); }) &&
      std::ranges::all_of(reveal.mask_keys, [&](const auto& entry) {
        return std::ranges::binary_search(sharers_, entry.first);
      });
  if (!asked_for) {
    return fail(Errc::kInvalidArgument,
                "a reveal has a share of each survivor's seed and of each other sharer's mask key");
  }
  reveals_.emplace(member, std::move(reveal));
  return {};
}

Status Server::close() {
  GENESIS_CHECK(stage_ != SumStage::kOpened, "the last stage was closed");
  if (answers_.size() < task_.threshold) {
    return fail(Errc::kFailedPrecondition,
                "sum " + std::to_string(task_.sum) + ", attempt " + std::to_string(task_.attempt) +
                    ": " + std::to_string(answers_.size()) +
                    " members have answered in the stage " + std::string(to_string(stage_)) +
                    "; the least is " + std::to_string(task_.threshold));
  }
  expected_ = places_of(answers_);
  switch (stage_) {
    case SumStage::kKeys:
      stage_ = SumStage::kShares;
      break;
    case SumStage::kShares:
      // What was sealed for members who have gone is of no use to anybody.
      std::erase_if(routed_, [&](const auto& entry) { return !answers_.contains(entry.first); });
      sharers_ = expected_;
      stage_ = SumStage::kInputs;
      break;
    case SumStage::kInputs:
      survivors_ = expected_;
      routed_.clear();
      stage_ = SumStage::kSurvivors;
      break;
    case SumStage::kSurvivors:
      stage_ = SumStage::kReveal;
      break;
    case SumStage::kReveal:
    case SumStage::kOpened:
      stage_ = SumStage::kOpened;
      break;
  }
  earlier_answers_.push_back(std::exchange(answers_, {}));
  return {};
}

std::string Server::message_for(Place member) const {
  GENESIS_CHECK(std::ranges::binary_search(expected_, member), "only who is asked is sent to");
  switch (stage_) {
    case SumStage::kKeys:
      return encode(task_);
    case SumStage::kShares:
      return encode(keys_);
    case SumStage::kInputs:
      return encode(routed_.at(member));
    case SumStage::kSurvivors:
      return encode(survivors_);
    case SumStage::kReveal:
      return encode(confirmations_);
    case SumStage::kOpened:
      break;
  }
  return {};
}

Result<Server::Opened> Server::open() {
  GENESIS_CHECK(stage_ == SumStage::kOpened && !reveals_.empty(), "opened once, when closed");
  const Opener opener(reveals_, task_.threshold);
  const auto spoilt = [&](Place place) {
    return fail(Errc::kDataLoss,
                "sum " + std::to_string(task_.sum) + ": the shares of " +
                    task_.roster[place].id.str() + " do not give what it has announced");
  };
  for (const Place member : sharers_) {
    const Keys& announced = keys_.at(member);
    if (std::ranges::binary_search(survivors_, member)) {
      const auto seed = opener.open(member, &Reveal::seeds, [&](const crypto::Secret& candidate) {
        return commit(context_, member, candidate) == announced.seed_commitment;
      });
      if (!seed) {
        return spoilt(member);
      }
      apply_mask(sum_, task_.word_bits, self_mask_key(context_, member, *seed), Sign::kMinus);
      continue;
    }
    const auto key = opener.open(member, &Reveal::mask_keys, [&](const crypto::Secret& candidate) {
      return public_key_of(candidate) == announced.mask_key;
    });
    if (!key) {
      return spoilt(member);
    }
    for (const Place survivor : survivors_) {
      GENESIS_ASSIGN(const auto mask,
                     pair_mask_key(context_, *key, keys_.at(survivor).mask_key, member, survivor));
      // What the survivor has added is taken away.
      apply_mask(sum_, task_.word_bits, mask, survivor < member ? Sign::kMinus : Sign::kPlus);
    }
  }
  reduce(sum_, task_.word_bits);
  reveals_.clear();
  return Opened{.sum = std::exchange(sum_, {}), .survivors = survivors_};
}

}  // namespace genesis::secure
