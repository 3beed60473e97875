#pragma once
// The open collection's sum where the spec asks for secure ones: the server's half of one attempt
// after another, or the same words in the clear. It learns what secure::Server or
// secure::CiphertextServer does.
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/method/server_method.hpp"
#include "common/rounds/contribution.hpp"
#include "common/secure/ciphertext_server.hpp"
#include "common/secure/server.hpp"
#include "common/sums/sum_words.hpp"
#include "common/wire/messages.hpp"

namespace genesis::aggregator {

/// Words that nothing hides.
struct ClearSum {
  secure::Words words;
  std::size_t members = 0;  // that are in it
};

class ProtectedSum {
 public:
  /// Sums the words of `combine`, in the clear until begin_attempt().
  ProtectedSum(sums::SumWords form, method::Combine combine)
      : form_(form), combine_(std::move(combine)) {}

  [[nodiscard]] std::size_t words() const { return form_.words(combine_); }
  [[nodiscard]] unsigned word_bits() const { return form_.word_bits(combine_); }

  /// All messages so far are void. Errors: those of secure::Server::begin.
  [[nodiscard]] Status begin_masked(secure::SumTask task);
  [[nodiscard]] Status begin_encrypted(secure::SumTask task, secure::PaillierPublicKey key);
  /// Sites send messages of a protocol, and no words.
  [[nodiscard]] bool is_hidden() const { return !std::holds_alternative<ClearSum>(server_); }

  /// Whether the body has the form that is asked for; a message of the open stage is taken. Errors:
  /// kInvalidArgument, and those of secure::Server::receive.
  [[nodiscard]] Status take(const ClientId& client, const rounds::Body& body);
  /// Adds words in the clear that passed take().
  void add(const rounds::Counts& words);

  [[nodiscard]] Status close_stage();

  /// What a member is sent in the open stage, beside the method's documents in the first one.
  [[nodiscard]] std::optional<method::Document> message_for(const ClientId& client) const;
  /// One of these, by its name.
  [[nodiscard]] std::optional<method::Document> message(std::string_view name) const;

  struct Opened {
    method::Sum sum;
    std::vector<ClientId> members;  // whose answers are in it; empty for words in the clear
  };
  /// Once the last stage has what it needs. Errors: kDataLoss where the messages or the sum are
  /// none that the sites can have sent.
  [[nodiscard]] Result<Opened> open();

  /// The largest message, in bytes.
  [[nodiscard]] std::uint64_t max_bytes() const;

 private:
  sums::SumWords form_;
  method::Combine combine_;
  std::variant<ClearSum, secure::Server, secure::CiphertextServer> server_;
  std::map<std::string, method::Document, std::less<>> messages_;  // of the open stage
  std::map<ClientId, std::string> names_;                          // of each one's

  template <typename Server>
  void serve(const Server& server);
};

}  // namespace genesis::aggregator
