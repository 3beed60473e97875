#pragma once
// The server's half of one attempt of an encrypted sum: a function of messages, without I/O and
// clock. It sees ciphertexts under a key that it does not have, signatures, and the sum's words.
//
//   server -> site                         site -> server
//   SumTask                                Upload         signed slice by slice
//   UploadSignatures                       acceptance     signature over exactly these
//   Decryption: signatures, parts          words          of the slices that it was sent
//
// Each slice is decrypted by as many members as may be missing, and one more; so any threshold of
// them opens the sum.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/secure/ciphertext_sum.hpp"
#include "common/secure/server.hpp"

namespace genesis::secure {

class CiphertextServer {
 public:
  enum class Stage { kUploads, kAccept, kDecrypt, kOpened };

  /// Errors: those of check(task), and kInvalidArgument for words of 1 bit.
  [[nodiscard]] static Result<CiphertextServer> begin(SumTask task, PaillierPublicKey key);

  [[nodiscard]] const SumTask& task() const { return task_; }
  [[nodiscard]] Stage stage() const { return stage_; }
  [[nodiscard]] const std::vector<Place>& expected() const { return expected_; }

  /// The message of `member` for the current stage; the same bytes again are a duplicate. Errors:
  /// as those of Server::receive.
  [[nodiscard]] Result<Receipt> receive(Place member, std::string_view message);

  /// Closes the current stage with those who have answered. Errors: kFailedPrecondition for fewer
  /// than the threshold.
  [[nodiscard]] Status close();

  /// `member` is one of expected().
  [[nodiscard]] std::string message_for(Place member) const;

  /// The sum, once the stage kDecrypt is closed. Errors: kDataLoss where members have decrypted one
  /// slice to different words.
  [[nodiscard]] Result<Server::Opened> open();

 private:
  CiphertextServer(SumTask task, PaillierPublicKey key);
  [[nodiscard]] std::size_t slices() const { return slices_of(ciphertexts_of(task_, key_)); }
  [[nodiscard]] std::vector<std::uint32_t> slices_for(Place member) const;
  [[nodiscard]] Status take_upload(Place member, std::string_view message);
  [[nodiscard]] Status take_acceptance(Place member, std::string_view message);
  [[nodiscard]] Status take_words(Place member, std::string_view message);

  SumTask task_;
  PaillierPublicKey key_;
  Stage stage_ = Stage::kUploads;
  std::vector<Place> expected_;
  std::map<Place, std::string> answers_;  // digests of the current stage's messages
  std::vector<std::map<Place, std::string>> earlier_answers_;

  UploadSignatures signatures_;
  std::map<Place, std::string> uploads_;
  Confirmations acceptances_;
  std::map<Place, Words> words_;  // of the slices that each was sent
};

}  // namespace genesis::secure
