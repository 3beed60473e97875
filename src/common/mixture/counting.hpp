#pragma once
// The first part of a training on counts, at the server: from what sites tell when they join to the
// schema, and over one or two collections to each column's own distribution. Used by the mixture
// and by other methods that start from noisy counts. Knows no clock and no I/O.
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/method/server_method.hpp"
#include "common/mixture/introduction.hpp"
#include "common/mixture/marginals.hpp"
#include "common/mixture/protection.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/stages.hpp"
#include "common/spec/federated_training.hpp"

namespace genesis::mixture {

class Counting {
 public:
  Counting(const spec::FederatedTraining& training,
           Settings settings,
           std::optional<Protection> protection);

  /// As ServerMethod::introduce; returns the rows that the site tells, 0 where it tells none.
  [[nodiscard]] Result<std::uint64_t> introduce(const ClientId& client,
                                                std::string_view introduction);
  void leave(const ClientId& client);

  /// From what the sites have told, unless there is a schema. Errors: kInvalidArgument.
  [[nodiscard]] Status agree();
  /// The same of a schema that was agreed before.
  [[nodiscard]] Status agree(Schema schema);
  [[nodiscard]] bool is_agreed() const { return !schema_.empty(); }

  /// What is to be counted next; not once it is done.
  [[nodiscard]] method::Ask ask() const;
  [[nodiscard]] static Status check(const rounds::Plain& answer);
  /// The sum of what was asked last.
  [[nodiscard]] Status take_up(Summed sum);
  [[nodiscard]] bool is_done() const { return stage_ == Stage::kDone; }

  /// From here on: once it is agreed, and once it is done.
  [[nodiscard]] const Schema& schema() const { return schema_; }
  [[nodiscard]] std::optional<std::uint32_t> target() const { return target_; }
  [[nodiscard]] const Schema& bounded() const { return zoom_.schema; }
  [[nodiscard]] Marginals marginals() const { return marginals_of(schema_, fine_, zoom_, zoomed_); }
  [[nodiscard]] std::uint64_t sites() const { return sites_; }
  /// Of the noise in a sum over `sites`.
  [[nodiscard]] double deviation(const Query& query, std::uint64_t sites) const;

 private:
  enum class Stage { kFine, kZoom, kDone };
  [[nodiscard]] std::vector<Introduction> introduced() const;
  [[nodiscard]] std::size_t cells() const;  // of the open stage

  Settings settings_;
  spec::TableSpec declared_;
  bool is_told_rows_;  // of each site
  std::optional<Protection> protection_;
  std::map<ClientId, Introduction> introductions_;
  std::optional<Introduction> together_;  // all of them; nothing: not known

  Stage stage_ = Stage::kFine;
  Schema schema_;  // empty until it is agreed
  std::optional<std::uint32_t> target_;
  Measured fine_;
  Zoom zoom_;
  Measured zoomed_;
  std::uint64_t sites_ = 1;  // in the sum of fine counts
};

/// A document of an ask.
[[nodiscard]] method::Document json_document(std::string_view name, const nlohmann::json& json);

/// Sums that were taken up, for a checkpoint, and back. Errors: kInvalidArgument.
[[nodiscard]] nlohmann::json to_json(const std::vector<Summed>& sums);
[[nodiscard]] Result<std::vector<Summed>> sums_from_json(JsonValue json);

}  // namespace genesis::mixture
