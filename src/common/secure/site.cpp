#include "common/secure/site.hpp"

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>

#include "common/base/check.hpp"
#include "common/secure/codec.hpp"
#include "common/secure/masks.hpp"
#include "common/secure/shamir.hpp"

namespace genesis::secure {
namespace {

// What two secrets of one site are shared by: polynomials that have nothing to do with each other.
crypto::Secret split_seed_of(const crypto::Secret& seed, std::string_view which) {
  return derive(seed, labelled(which, ""));
}

// Sealed for one receiver, by one sender, in one attempt.
std::string sealed_for(std::string_view context, Place from, Place to) {
  return Writer().raw(labelled("shares", context)).number(from, 2).number(to, 2).take();
}

std::string name_of(const SumTask& task, Place place) {
  return task.roster[place].id.str();
}

}  // namespace

Site::Site(ClientId self, Signer signer, SitePolicy policy)
    : self_(std::move(self)), signer_(std::move(signer)), policy_(std::move(policy)) {}

Result<Site> Site::begin(const ClientId& self,
                         Signer signer,
                         const SitePolicy& policy,
                         SumTask task,
                         Words input,
                         crypto::Entropy& entropy) {
  Site site(self, std::move(signer), policy);
  GENESIS_RETURN_IF_ERROR(admit(task, self, site.signer_.public_key(), policy));
  const std::uint64_t most = low_bits(task.word_bits);
  if (input.size() != task.words ||
      std::ranges::any_of(input, [&](std::uint64_t word) { return word > most; })) {
    return refused(Errc::kInvalidArgument,
                   task,
                   "the input is not " + std::to_string(task.words) + " words of " +
                       std::to_string(task.word_bits) + " bits");
  }
  site.state_.input = crypto::Secret(pack(input, task.word_bits));
  OPENSSL_cleanse(input.data(), input.size() * sizeof(input[0]));
  site.state_.first_roster = task.roster;
  site.state_.first_threshold = task.threshold;
  site.state_.task = std::move(task);
  site.make_keys(entropy);
  return site;
}

Status Site::retry(SumTask task, crypto::Entropy& entropy) {
  GENESIS_RETURN_IF_ERROR(admit(task, self_, signer_.public_key(), policy_));
  const SumTask& before = state_.task;
  const bool same = task.run == before.run && task.sum == before.sum &&
                    task.purpose == before.purpose && task.query == before.query &&
                    task.parameters == before.parameters && task.words == before.words &&
                    task.word_bits == before.word_bits;
  if (!same || task.attempt <= before.attempt) {
    return refused(Errc::kConflict, task, "not a later attempt of " + name_of(before));
  }
  if (state_.revealed) {
    return refused(Errc::kFailedPrecondition,
                   task,
                   "this site has revealed its shares of " + name_of(before) +
                       "; a second sum of the same input could be compared with the first");
  }
  if (task.threshold < state_.first_threshold) {
    return refused(Errc::kPermissionDenied, task, "the threshold is below the first attempt's");
  }
  if (!std::ranges::includes(state_.first_roster, task.roster)) {
    return refused(
        Errc::kPermissionDenied, task, "the roster has members who were not in the first attempt");
  }
  state_.task = std::move(task);
  state_.list.clear();
  state_.held.clear();
  state_.inbox.clear();
  state_.survivors.clear();
  state_.confirmation.clear();
  make_keys(entropy);
  return {};
}

void Site::make_keys(crypto::Entropy& entropy) {
  context_ = context_of(state_.task);
  place_ = state_.task.place_of(self_).value();
  state_.cipher_key = random_key(entropy);
  state_.mask_key = random_key(entropy);
  state_.seed = random_key(entropy);
  state_.split_seed = random_key(entropy);
  state_.keys = {.cipher_key = public_key_of(state_.cipher_key),
                 .mask_key = public_key_of(state_.mask_key),
                 .seed_commitment = commit(context_, place_, state_.seed),
                 .signature = {}};
  state_.keys.signature = signer_.sign(keys_to_sign(context_, place_, state_.keys));
}

Status Site::check_list(const KeyList& list) const {
  const SumTask& task = state_.task;
  if (list.size() < task.threshold) {
    return refused(Errc::kPermissionDenied,
                   task,
                   std::to_string(list.size()) + " members have sent keys; the least is " +
                       std::to_string(task.threshold));
  }
  const auto mine = list.find(place_);
  if (mine == list.end() || mine->second != state_.keys) {
    return refused(Errc::kInvalidArgument, task, "the list of keys lacks this site's own");
  }
  std::set<std::string_view> distinct;
  for (const auto& [place, keys] : list) {
    if (place >= task.roster.size()) {
      return refused(Errc::kInvalidArgument, task, "the list of keys has a stranger");
    }
    if (!distinct.insert(keys.cipher_key).second || !distinct.insert(keys.mask_key).second ||
        !distinct.insert(keys.seed_commitment).second) {
      return refused(
          Errc::kInvalidArgument, task, name_of(task, place) + " has a key of another member");
    }
    const Status signature =
        verify(task.roster[place].public_key, keys_to_sign(context_, place, keys), keys.signature);
    if (!signature) {
      return refused(signature.error().code,
                     task,
                     "the keys of " + name_of(task, place) + ": " + signature.error().message);
    }
  }
  return {};
}

Site::HeldShares Site::own_shares(Place holder) const {
  const std::size_t members = state_.task.roster.size();
  const std::size_t threshold = state_.task.threshold;
  const auto seeds =
      split(state_.seed, split_seed_of(state_.split_seed, "seed"), members, threshold);
  const auto keys =
      split(state_.mask_key, split_seed_of(state_.split_seed, "mask key"), members, threshold);
  return {.seed = seeds[holder], .mask_key = keys[holder]};
}

Result<crypto::Secret> Site::share_key(Place from, Place to, Place other) const {
  GENESIS_ASSIGN(const auto shared, agree(state_.cipher_key, state_.list.at(other).cipher_key));
  return derive(shared, sealed_for(context_, from, to));
}

Result<SealedShares> Site::share(const KeyList& list) {
  if (!state_.list.empty() && state_.list != list) {
    return refused(Errc::kConflict, state_.task, "another list of keys than the first");
  }
  if (state_.revealed) {
    return refused(Errc::kFailedPrecondition, state_.task, "this site has revealed its shares");
  }
  GENESIS_RETURN_IF_ERROR(check_list(list));
  const KeyList before = std::exchange(state_.list, list);
  const std::size_t members = state_.task.roster.size();
  const std::size_t threshold = state_.task.threshold;
  const auto seeds =
      split(state_.seed, split_seed_of(state_.split_seed, "seed"), members, threshold);
  const auto mask_keys =
      split(state_.mask_key, split_seed_of(state_.split_seed, "mask key"), members, threshold);
  SealedShares sealed;
  for (const auto& [place, keys] : list) {
    if (place == place_) {
      continue;
    }
    auto key = share_key(place_, place, place);
    const auto mask = pair_mask_key(context_, state_.mask_key, keys.mask_key, place_, place);
    if (!key || !mask) {
      state_.list = before;
      return refused(Errc::kInvalidArgument,
                     state_.task,
                     "a key of " + name_of(state_.task, place) + " is of low order");
    }
    Writer both(2 * kSharedBytes);
    both.raw(seeds[place].reveal()).raw(mask_keys[place].reveal());
    sealed.emplace(place,
                   seal(*key, sealed_for(context_, place_, place), crypto::Secret(both.take())));
  }
  return sealed;
}

Result<std::string> Site::mask(const SealedShares& shares) {
  const SumTask& task = state_.task;
  if (state_.list.empty() || state_.revealed) {
    return refused(Errc::kFailedPrecondition, task, "masks come after shares, before the reveal");
  }
  std::string inbox = digest(encode(shares));
  if (!state_.held.empty()) {
    if (state_.inbox != inbox) {
      return refused(Errc::kConflict, task, "other shares than the first");
    }
    return masked_input();
  }
  if (shares.size() + 1 < task.threshold) {
    return refused(Errc::kPermissionDenied,
                   task,
                   std::to_string(shares.size() + 1) + " members have sent shares; the least is " +
                       std::to_string(task.threshold));
  }
  std::map<Place, HeldShares> held;
  for (const auto& [place, sealed] : shares) {
    if (place == place_ || !state_.list.contains(place)) {
      return refused(Errc::kInvalidArgument, task, "shares of a member who has sent no keys");
    }
    GENESIS_ASSIGN(const auto key, share_key(place, place_, place));
    const auto both = unseal(key, sealed_for(context_, place, place_), sealed);
    if (!both) {
      return refused(both.error().code,
                     task,
                     "the shares of " + name_of(task, place) + ": " + both.error().message);
    }
    held.emplace(place,
                 HeldShares{.seed = crypto::Secret(both->reveal().substr(0, kSharedBytes)),
                            .mask_key = crypto::Secret(both->reveal().substr(kSharedBytes))});
  }
  held.emplace(place_, own_shares(place_));
  state_.held = std::move(held);
  state_.inbox = std::move(inbox);
  return masked_input();
}

Result<std::string> Site::masked_input() const {
  const SumTask& task = state_.task;
  auto words = unpack(state_.input.reveal(), task.words, task.word_bits);
  GENESIS_CHECK(words.has_value(), "the input was packed here");
  const auto self_key = self_mask_key(context_, place_, state_.seed);
  apply_mask(*words, task.word_bits, self_key, Sign::kPlus);
  for (const auto& [place, shares] : state_.held) {
    if (place == place_) {
      continue;
    }
    GENESIS_ASSIGN(
        const auto key,
        pair_mask_key(context_, state_.mask_key, state_.list.at(place).mask_key, place_, place));
    apply_mask(*words, task.word_bits, key, place_ < place ? Sign::kPlus : Sign::kMinus);
  }
  reduce(*words, task.word_bits);
  return pack(*words, task.word_bits);
}

Result<std::string> Site::confirm(const Survivors& survivors) {
  const SumTask& task = state_.task;
  if (state_.held.empty()) {
    return refused(Errc::kFailedPrecondition, task, "survivors come after masked inputs");
  }
  if (!state_.survivors.empty() && state_.survivors != survivors) {
    return refused(Errc::kConflict, task, "other survivors than the first");
  }
  if (survivors.size() < task.threshold) {
    return refused(Errc::kPermissionDenied,
                   task,
                   std::to_string(survivors.size()) + " members have sent inputs; the least is " +
                       std::to_string(task.threshold));
  }
  if (!std::ranges::is_sorted(survivors)) {
    return refused(Errc::kInvalidArgument, task, "the survivors are not in ascending order");
  }
  std::set<ClientId> names;
  for (const Place place : survivors) {
    if (!state_.held.contains(place) || !names.insert(task.roster[place].id).second) {
      return refused(Errc::kPermissionDenied, task, "a survivor who has sent no shares");
    }
  }
  if (!names.contains(self_)) {
    return refused(Errc::kPermissionDenied, task, "the survivors lack " + self_.str());
  }
  if (!state_.confirmed.empty() && state_.confirmed != names) {
    return refused(
        Errc::kConflict, task, "other survivors than those confirmed in an earlier attempt");
  }
  if (state_.survivors.empty()) {
    state_.survivors = survivors;
    state_.confirmed = std::move(names);
    state_.confirmation =
        signer_.sign(survivors_to_sign(context_, digest(encode(state_.list)), survivors));
    wipe_shares_of_other_kind();
  }
  return state_.confirmation;
}

Result<Reveal> Site::reveal(const Confirmations& confirmations) {
  const SumTask& task = state_.task;
  if (state_.survivors.empty()) {
    return refused(Errc::kFailedPrecondition, task, "reveals come after confirmations");
  }
  if (confirmations.signatures.size() < task.threshold) {
    return refused(Errc::kPermissionDenied,
                   task,
                   std::to_string(confirmations.signatures.size()) +
                       " members have confirmed; the least is " + std::to_string(task.threshold));
  }
  const std::string message =
      survivors_to_sign(context_, digest(encode(state_.list)), state_.survivors);
  for (const auto& [place, signature] : confirmations.signatures) {
    if (!std::ranges::binary_search(state_.survivors, place)) {
      return refused(
          Errc::kPermissionDenied, task, "a confirmation of a member who is no survivor");
    }
    const Status valid = verify(task.roster[place].public_key, message, signature);
    if (!valid) {
      return refused(valid.error().code,
                     task,
                     "the confirmation of " + name_of(task, place) + ": " + valid.error().message);
    }
  }
  state_.revealed = true;
  wipe_input();
  return shares_to_reveal();
}

Reveal Site::shares_to_reveal() const {
  Reveal reveal;
  for (const auto& [place, shares] : state_.held) {
    if (std::ranges::binary_search(state_.survivors, place)) {
      reveal.seeds.emplace(place, shares.seed);
    } else {
      reveal.mask_keys.emplace(place, shares.mask_key);
    }
  }
  return reveal;
}

// Both would open a member's input.
void Site::wipe_shares_of_other_kind() {
  for (auto& [place, shares] : state_.held) {
    const bool survives = std::ranges::binary_search(state_.survivors, place);
    (survives ? shares.mask_key : shares.seed) = crypto::Secret();
  }
}

void Site::wipe_input() {
  for (auto* const secret :
       {&state_.input, &state_.cipher_key, &state_.mask_key, &state_.seed, &state_.split_seed}) {
    *secret = crypto::Secret();
  }
}

}  // namespace genesis::secure
