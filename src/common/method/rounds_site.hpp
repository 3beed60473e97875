#pragma once
// The site's half of every method whose sites agree on an encoding of their tables and then train a
// network in rounds. A method adds what is its own as a Network, a copyable type with
//
//   using Trainer                  train(global, round, learning_rate), optimizer_state() and
//                                  restore_optimizer_state()
//   Result<Trainer> trainer(setup, sketch, encoder text, notes)
//                                  of the table's rows, encoded; notes: what people at the site
//                                  should know of that
//   rounds::Telemetry telemetry_of(trained)
//   std::span<const TelemetryName> telemetry()
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/method/agreement.hpp"
#include "common/method/learning_rate.hpp"
#include "common/method/rounds_exchange.hpp"
#include "common/method/site_method.hpp"
#include "common/method/table_reading.hpp"
#include "common/tabular/category_text.hpp"
#include "common/wire/safetensors.hpp"

namespace genesis::method {

template <typename Network>
class RoundsSite final : public SiteMethod {
 public:
  /// Errors: kInvalidArgument names a text that no encoding can hold.
  [[nodiscard]] static Result<std::unique_ptr<SiteMethod>> create(SiteSetup setup,
                                                                  Network network) {
    GENESIS_RETURN_IF_ERROR(tabular::check_category_texts(setup.table));
    return std::unique_ptr<SiteMethod>(new RoundsSite(std::move(setup), std::move(network)));
  }

  const std::string& introduction() const override { return introduction_; }
  std::uint64_t rows() const override { return rows_; }

  Result<Answer> answer(const Assignment& assignment, Documents& documents) override {
    if (assignment.purpose == kSummaries) {
      return trainer_ ? fail(Errc::kFailedPrecondition,
                             "the server has begun the training anew; start this client again")
                      : count_rows(setup_.table,
                                   {setup_.policy, declarations(setup_.training.table)},
                                   documents);
    }
    if (assignment.purpose == kUpdates) {
      return update(assignment, documents);
    }
    return fail(Errc::kInvalidArgument,
                "asked for \"" + assignment.purpose + "\", which this version does not answer");
  }

  Tensors state() const override { return trainer_ ? trainer_->optimizer_state() : Tensors{}; }
  void restore(Tensors state) override {
    if (state.values.empty() && trainer_) {  // as it was at the start: moments of 0
      state = trainer_->optimizer_state();
      std::ranges::fill(state.values, 0.0F);
    }
    restored_ = std::move(state);
  }
  std::span<const TelemetryName> telemetry() const override { return network_.telemetry(); }

 private:
  RoundsSite(SiteSetup setup, Network network)
      : setup_(std::move(setup)),
        network_(std::move(network)),
        sketch_(tabular::sketch(setup_.table, setup_.policy)),
        introduction_(sketch_text(sketch_, grid_of(setup_.training))),
        rows_(setup_.table.rows) {}

  /// Encodes the rows and lets go of the table.
  [[nodiscard]] Status prepare(Documents& documents) {
    GENESIS_ASSIGN(const std::string text, documents.fetch(kEncoderDocument));
    GENESIS_ASSIGN(auto trainer, network_.trainer(setup_, sketch_, text, notes_));
    setup_.table = {};
    trainer_.emplace(std::move(trainer));
    return {};
  }

  [[nodiscard]] Result<Answer> update(const Assignment& assignment, Documents& documents) {
    if (!trainer_) {
      GENESIS_RETURN_IF_ERROR(prepare(documents));
    }
    if (!restored_.values.empty()) {
      GENESIS_RETURN_IF_ERROR(trainer_->restore_optimizer_state(restored_));
      restored_ = {};
    }
    GENESIS_ASSIGN(const double learning_rate, learning_rate_of(assignment, setup_));
    GENESIS_ASSIGN(const std::string bytes, documents.fetch(kParameters));
    GENESIS_ASSIGN(const auto global, wire::decode_safetensors(bytes));
    GENESIS_ASSIGN(auto trained, trainer_->train(global.tensors, assignment.round, learning_rate));
    Tensors delta = std::move(trained.parameters);
    for (std::size_t i = 0; i < delta.values.size(); ++i) {
      delta.values[i] -= global.tensors.values[i];
    }
    return Answer{std::move(delta), network_.telemetry_of(trained), std::exchange(notes_, {})};
  }

  SiteSetup setup_;  // its table is empty once there is a trainer
  Network network_;
  tabular::Sketch sketch_;
  std::string introduction_;
  std::uint64_t rows_;
  std::optional<typename Network::Trainer> trainer_;
  std::vector<std::string> notes_;  // of the encoding, until the next answer takes them
  Tensors restored_;                // Adam's moments, until the trainer takes them; empty: none
};

}  // namespace genesis::method
