#pragma once
// A site's half of one masked sum, over all of its attempts: a function of messages, without I/O.
// Protocol: Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine
// learning", figure 4 with the steps against a server that lies, on the complete graph of members.
//
//   server -> site                 site -> server
//   SumTask                        Keys              signed by the certificate's key
//   KeyList                        SealedShares      of its seed and its private mask key
//   SealedShares to it             masked input      x + self mask + sum of +-pair masks
//   Survivors                      confirmation      signature over exactly these
//   Confirmations                  Reveal            once a sum
//
// Of n members, with threshold t: of honest members' inputs the server learns the sum over one set
// of survivors, nothing else, if it lies with up to 2 t - n - 1 members on its side, else with up
// to t - 1. It can always prevent a sum, and a member can spoil it unnoticed.
//
// Before a message goes out, save() has to be on disk: what is sent again after a restart must be
// the same bytes, and a reveal or a confirmation must not be forgotten. What save() returns opens
// the site's input and is to be wiped when the sum is over.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/crypto/entropy.hpp"
#include "common/secure/messages.hpp"
#include "common/secure/site_policy.hpp"

namespace genesis::secure {

class Site {
 public:
  /// Begins the first attempt that this site takes part in, with fresh keys. `input` is what will
  /// be summed, in all attempts. Errors: those of secure::admit, and kInvalidArgument for input
  /// that is not the task's number of words below 2^word_bits.
  [[nodiscard]] static Result<Site> begin(const ClientId& self,
                                          Signer signer,
                                          const SitePolicy& policy,
                                          SumTask task,
                                          Words input,
                                          crypto::Entropy& entropy);

  /// Begins a later attempt with fresh keys; those of the attempt before are wiped. Its members are
  /// among those of the first attempt, and its threshold is no lower: so whatever two attempts open
  /// of one input has one set of survivors. Errors: kConflict for another sum or an attempt that is
  /// not later; kFailedPrecondition once this site has revealed.
  [[nodiscard]] Status retry(SumTask task, crypto::Entropy& entropy);

  /// The task of the current attempt.
  [[nodiscard]] const SumTask& task() const { return state_.task; }
  /// Message 1.
  [[nodiscard]] const Keys& keys() const { return state_.keys; }
  /// Message 2. Errors: kUnauthenticated for a signature that is not valid, kPermissionDenied for
  /// fewer members than the threshold, kInvalidArgument for a list without this site's own keys or
  /// with equal ones or ones of low order, kConflict for another list than the first.
  [[nodiscard]] Result<SealedShares> share(const KeyList& list);
  /// Message 3, packed words. Errors: kFailedPrecondition before share(), kDataLoss for shares that
  /// do not open, kPermissionDenied for fewer than the threshold, kConflict for others than the
  /// first.
  [[nodiscard]] Result<std::string> mask(const SealedShares& shares);
  /// Message 4. Errors: kFailedPrecondition before mask(), kPermissionDenied for survivors who are
  /// fewer than the threshold, without this site or strangers, kInvalidArgument out of order;
  /// kConflict for others than those that it has confirmed of this sum, in whichever attempt.
  /// Afterwards, of each member's two shares the one that is not for the reveal is wiped.
  [[nodiscard]] Result<std::string> confirm(const Survivors& survivors);
  /// Message 5. Errors: kFailedPrecondition before confirm(), kUnauthenticated for a signature that
  /// is not valid, kPermissionDenied for fewer than the threshold. Afterwards this site's own keys
  /// and its input are wiped.
  [[nodiscard]] Result<Reveal> reveal(const Confirmations& confirmations);
  [[nodiscard]] bool has_revealed() const { return state_.revealed; }

  [[nodiscard]] crypto::Secret save() const;
  /// Errors: kDataLoss or kInvalidArgument for bytes that save() has not made.
  [[nodiscard]] static Result<Site> restore(const ClientId& self,
                                            Signer signer,
                                            const SitePolicy& policy,
                                            std::string_view saved);

 private:
  struct HeldShares {  // from confirm() on only the one of them that reveal() may give
    crypto::Secret seed;
    crypto::Secret mask_key;
  };
  struct State {
    SumTask task;
    std::vector<Member> first_roster;
    std::size_t first_threshold = 0;
    crypto::Secret input;  // packed
    crypto::Secret cipher_key;
    crypto::Secret mask_key;
    crypto::Secret seed;
    crypto::Secret split_seed;  // what the polynomials of both secrets are expanded from
    Keys keys;
    KeyList list;                      // empty before share()
    std::map<Place, HeldShares> held;  // of all who have shared, itself included; from mask() on
    std::string inbox;                 // digest of what `held` was opened from
    Survivors survivors;               // of this attempt; empty before confirm()
    std::string confirmation;
    std::set<ClientId> confirmed;  // in this attempt or an earlier one
    bool revealed = false;
  };

  Site(ClientId self, Signer signer, SitePolicy policy);
  void make_keys(crypto::Entropy& entropy);
  [[nodiscard]] Status check_list(const KeyList& list) const;
  [[nodiscard]] HeldShares own_shares(Place holder) const;
  [[nodiscard]] Result<crypto::Secret> share_key(Place from, Place to, Place other) const;
  [[nodiscard]] Result<std::string> masked_input() const;
  [[nodiscard]] Reveal shares_to_reveal() const;
  void wipe_shares_of_other_kind();
  void wipe_input();
  [[nodiscard]] Status check_restored() const;

  ClientId self_;
  Signer signer_;
  SitePolicy policy_;
  State state_;
  Place place_ = 0;  // of this site in the roster of the current attempt
  std::string context_;
};

}  // namespace genesis::secure
