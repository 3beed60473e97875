#pragma once
// The task of a secure sum, as both sides make it from what a collection asks: so that a site can
// compare what it is sent with what it would have made itself. Pure.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/secure/messages.hpp"

namespace genesis::sums {

/// Of the collection's attempt, in the first stage: its method's documents come along.
inline constexpr std::string_view kTaskDocument = "sum-task";
/// What the server sends a member in a later stage: the stage's name, "-" and the member's place.
[[nodiscard]] std::string message_name(std::string_view stage, secure::Place place);

struct Question {
  std::string run;
  CollectionId collection;
  std::string purpose;
  std::string parameters;                                      // JSON, of the method
  std::vector<std::pair<std::string, std::string>> documents;  // name and SHA-256, of the method
};

/// All but what depends on attempt and members.
[[nodiscard]] secure::SumTask task_of(const Question& question,
                                      std::size_t words,
                                      unsigned word_bits);

/// Whether the server's task is this one, in some attempt, over some members. Errors:
/// kInvalidArgument names what differs.
[[nodiscard]] Status check_same(const secure::SumTask& asked, const secure::SumTask& expected);

/// Public keys travel as two hex digits a byte. Errors: kInvalidArgument.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] Result<std::string> from_hex(std::string_view digits);

}  // namespace genesis::sums
