#pragma once
// A site's side of the secure sums of a run: secure::Site, or secure::DecryptingSite where it has a
// key of Paillier's, with what has to be on disk before a message goes out. A message that was
// asked for before is given again as it was; so a server that has restarted can go through the same
// attempt again, and gets the same sum.
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/crypto/entropy.hpp"
#include "common/rounds/collection.hpp"
#include "common/secure/ciphertext_sum.hpp"
#include "common/secure/history.hpp"
#include "common/secure/site.hpp"

namespace genesis::worker {

class SecureSums {
 public:
  /// `signer` is the key that other sites know this one by; `policy` is what this site insists on;
  /// with `key` sums are encrypted, else masked.
  SecureSums(ClientId self,
             secure::Signer signer,
             secure::SitePolicy policy,
             std::optional<secure::PaillierKey> key = std::nullopt);

  /// Keeps its state in `file`, and takes up what is there. Errors: kIo, or kInvalidArgument where
  /// the file is none that this site has written.
  [[nodiscard]] Status keep(std::filesystem::path file);

  /// The sums that follow are of `run`: what was kept of another one goes, but for who the members
  /// are, and over whom what was asked has been summed. Errors: kIo where it can't go from disk.
  [[nodiscard]] Status joined(const std::string& run);
  /// The training is over: nothing of its last sum is needed any more, in memory or on disk. What
  /// joined() keeps stays. Errors: as joined().
  [[nodiscard]] Status finish();

  [[nodiscard]] const std::string& public_key() const { return signer_.public_key(); }
  /// Of the key that encrypts, big-endian; "" where sums are masked.
  [[nodiscard]] std::string modulus() const {
    return key_ ? key_->public_key().modulus() : std::string();
  }
  [[nodiscard]] std::vector<rounds::Stage> stages() const {
    return key_ ? rounds::encrypted_stages() : rounds::masked_stages();
  }

  /// Whether begin() could take `task`, as far as that does not depend on the input: asked before
  /// the input is made, which may cost something that can't be taken back. Errors: as begin().
  [[nodiscard]] Status may_begin(const secure::SumTask& task) const;

  /// The first message of an attempt of the sum that `task` describes, which is the server's and
  /// was compared with what it asks. `input` is asked for where the sum begins. Errors: those of
  /// secure::SumHistory, secure::Site and the disk.
  using Input = std::function<Result<secure::Words>()>;
  [[nodiscard]] Result<std::string> begin(const secure::SumTask& task, const Input& input);

  /// This site's place in the attempt that it has begun. Errors: kConflict for another sum.
  [[nodiscard]] Result<secure::Place> place(CollectionId sum, std::uint32_t attempt) const;

  /// The message of a later stage, in answer to the server's. Errors: as secure::Site, and kIo.
  [[nodiscard]] Result<std::string> answer(rounds::Stage stage, std::string_view received);

 private:
  struct Sent {
    std::string received;  // digest of what it answers
    std::string message;
  };

  // An encrypted sum: what is uploaded in all of its attempts, and what it has accepted.
  struct Encrypted {
    secure::SumTask first;  // attempt
    secure::SumTask task;   // of the current one
    std::string ciphertexts;
    secure::DecryptingSite site;
  };

  [[nodiscard]] const secure::SumTask* task() const;
  void forget_messages();
  [[nodiscard]] Status forget_sum();
  [[nodiscard]] Result<std::string> begin_masked(const secure::SumTask& task, const Input& input);
  [[nodiscard]] Result<std::string> begin_encrypted(const secure::SumTask& task,
                                                    const Input& input);
  [[nodiscard]] Status check_later(const secure::SumTask& task) const;
  [[nodiscard]] Result<std::string> encrypt(const secure::SumTask& task, const Input& input);
  [[nodiscard]] Result<std::string> make(rounds::Stage stage, std::string_view received);
  [[nodiscard]] Result<std::string> accept(const secure::UploadSignatures& uploads);
  [[nodiscard]] Result<std::string> decrypt(std::string_view received);
  [[nodiscard]] static crypto::Secret saved_of(const Encrypted& sum);
  [[nodiscard]] Status save();
  [[nodiscard]] Status restore(std::string_view bytes);
  [[nodiscard]] Status restore_sum(std::string_view bytes);
  [[nodiscard]] Status restore_encrypted(std::string_view bytes);

  ClientId self_;
  secure::Signer signer_;
  secure::SitePolicy policy_;
  crypto::SystemEntropy entropy_;
  std::filesystem::path file_;  // "": nothing is kept
  bool is_saved_ = true;        // all that has been made
  secure::SumHistory history_;
  std::optional<secure::PaillierKey> key_;
  std::optional<secure::PaillierEncryptor> encryptor_;  // once it is needed: it has large tables
  std::optional<secure::Site> site_;                    // of the last sum, where it is masked
  std::optional<Encrypted> encrypted_;                  // or encrypted
  std::map<rounds::Stage, Sent> sent_;                  // of its last attempt
};

}  // namespace genesis::worker
