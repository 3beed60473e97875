#pragma once
// How sites agree on one encoding of their tables, for methods that need one: each introduces its
// table's sketch, everyone counts on the plan that follows from all of them, and the encoder is
// fitted to the sum. The rules are tabular's (encoder.hpp); this is their place in a method.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/method/server_method.hpp"
#include "common/method/site_method.hpp"
#include "common/tabular/encoder.hpp"

namespace genesis::method {

inline constexpr std::string_view kSummaries = "summaries";      // purpose of the collection
inline constexpr std::string_view kPlanDocument = "plan";        // what it asks to count
inline constexpr std::string_view kEncoderDocument = "encoder";  // what it ends in

[[nodiscard]] std::string encoder_text(const tabular::Encoder& encoder);
/// Errors: kInvalidArgument names the field.
[[nodiscard]] Result<tabular::Encoder> parse_encoder(std::string_view text);

/// At the server, until the encoder is agreed.
class Agreement {
 public:
  explicit Agreement(std::vector<tabular::Declaration> declared) : declared_(std::move(declared)) {}

  /// As ServerMethod::introduce: the sketch fits those of the others so far.
  [[nodiscard]] Result<std::uint64_t> introduce(const ClientId& client, std::string_view sketch);
  void leave(const ClientId& client) { sketches_.erase(client); }

  /// Everyone is to count on the plan of all sketches.
  [[nodiscard]] Result<Ask> ask();
  [[nodiscard]] Status check(const rounds::Counts& counts, std::uint64_t rows) const;
  [[nodiscard]] Result<tabular::Encoder> fit(const rounds::Counts& sum) const;

 private:
  std::vector<tabular::Declaration> declared_;
  std::map<ClientId, tabular::Sketch> sketches_;
  tabular::Plan plan_;
};

/// A site that comes once `encoder` is agreed: its row count, where its table fits.
[[nodiscard]] Result<std::uint64_t> introduce_late(const ClientId& client,
                                                   std::string_view sketch,
                                                   const tabular::Encoder& encoder);

/// At a site: what it introduces itself with, and its answer to the ask.
[[nodiscard]] std::string sketch_text(const tabular::Sketch& sketch);
[[nodiscard]] Result<Answer> count_rows(const tabular::Table& table, Documents& documents);

}  // namespace genesis::method
