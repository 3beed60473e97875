#pragma once
// The server's half of one attempt of a masked sum: a function of messages, without I/O and clock.
// Whoever drives it decides when a stage closes (everybody has answered, or the deadline is there);
// with fewer answers than the threshold it does not close, and the attempt is over. It keeps one
// sum of words, whatever the number of members, and nothing on disk: after a restart the next
// attempt begins. It sees public keys, sealed shares, masked inputs, and the shares that open the
// sum.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/secure/messages.hpp"

namespace genesis::secure {

enum class SumStage { kKeys, kShares, kInputs, kSurvivors, kReveal, kOpened };
[[nodiscard]] std::string_view to_string(SumStage stage);

enum class Receipt { kAccepted, kDuplicate };

class Server {
 public:
  /// Errors: those of check(task).
  [[nodiscard]] static Result<Server> begin(SumTask task);

  [[nodiscard]] const SumTask& task() const { return task_; }
  [[nodiscard]] SumStage stage() const { return stage_; }
  /// Who has answered in the current stage, and who is asked to.
  [[nodiscard]] std::size_t answered() const { return answers_.size(); }
  [[nodiscard]] const std::vector<Place>& expected() const { return expected_; }

  /// The message of `member` for the current stage: Keys, SealedShares, packed words, a signature
  /// over the survivors, or a Reveal. The same bytes again are a duplicate, in the stages before
  /// too. Errors: kConflict for other bytes, kFailedPrecondition for a member who is not asked,
  /// kInvalidArgument, kDataLoss or kUnauthenticated for bytes that are not what the stage asks
  /// for; nothing is kept of these.
  [[nodiscard]] Result<Receipt> receive(Place member, std::string_view message);

  /// Closes the current stage with those who have answered; then message_for() has what each of
  /// expected() is sent. Errors: kFailedPrecondition for fewer than the threshold.
  [[nodiscard]] Status close();

  /// KeyList, SealedShares, Survivors or Confirmations, by stage. `member` is one of expected().
  [[nodiscard]] std::string message_for(Place member) const;

  struct Opened {
    Words sum;  // below 2^word_bits
    Survivors survivors;
  };
  /// The sum, once the stage kReveal is closed. Errors: kDataLoss where shares of some member give
  /// another secret than it has committed to.
  [[nodiscard]] Result<Opened> open();

 private:
  explicit Server(SumTask task);
  [[nodiscard]] Status take_keys(Place member, std::string_view message);
  [[nodiscard]] Status take_shares(Place member, std::string_view message);
  [[nodiscard]] Status take_input(std::string_view message);
  [[nodiscard]] Status take_confirmation(Place member, std::string_view message);
  [[nodiscard]] Status take_reveal(Place member, std::string_view message);

  SumTask task_;
  std::string context_;
  SumStage stage_ = SumStage::kKeys;
  std::vector<Place> expected_;
  std::map<Place, std::string> answers_;  // digests of the current stage's messages
  std::vector<std::map<Place, std::string>> earlier_answers_;

  KeyList keys_;
  std::map<Place, SealedShares> routed_;  // by receiver
  std::vector<Place> sharers_;            // who has sent shares
  Words sum_;
  Survivors survivors_;
  Confirmations confirmations_;
  std::map<Place, Reveal> reveals_;
};

}  // namespace genesis::secure
