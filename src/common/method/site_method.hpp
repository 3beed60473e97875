#pragma once
// The same seam at a site: the half of a method that reads the rows. Only what it answers leaves.
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/method/telemetry.hpp"
#include "common/rounds/contribution.hpp"
#include "common/spec/federated_training.hpp"
#include "common/tabular/schema.hpp"
#include "common/tabular/table.hpp"

namespace genesis::privacy {
class Account;
}

namespace genesis::method {

/// What a trainer tells while it trains.
struct StepReport {
  double seconds = 0.0;  // this step's
  bool ends_epoch = false;
};

/// Who sees what a site answers.
enum class Audience {
  kAggregator,  // another process, which may be another's
  kOneself,     // the process that reads the rows: a simulation on one's own files
};

struct SiteSetup {
  ClientId client;
  spec::FederatedTraining training;
  tabular::Table table;
  tabular::SitePolicy policy = {};   // what may leave of the table
  double learning_rate_scale = 1.0;  // this site's factor on the rate that each round asks for
  /// Called after each training step, on the training thread. Empty: nobody.
  std::function<void(const StepReport&)> on_step = {};
  Audience audience = Audience::kAggregator;
  /// Of this site's rows; null where the spec asks for no differential privacy.
  std::shared_ptr<privacy::Account> account = {};
};

/// The documents that an assignment names, fetched when they are asked for.
class Documents {
 public:
  virtual ~Documents() = default;
  [[nodiscard]] virtual Result<std::string> fetch(std::string_view name) = 0;
};

/// What the site is asked.
struct Assignment {
  std::string purpose;
  RoundId round;           // 0: none
  std::string parameters;  // JSON of the method's half at the server
  std::string run = {};
  CollectionId collection = {};
};

struct Answer {
  std::variant<rounds::Counts, Tensors> values;
  rounds::Telemetry telemetry = {};
  std::vector<std::string> notes = {};  // what people at the site should know; stays there
  /// It must not be made again: it is kept with the site's state before it leaves, as tensors are.
  bool is_kept = false;
};

class SiteMethod {
 public:
  virtual ~SiteMethod() = default;

  /// JSON that goes with the join.
  [[nodiscard]] virtual const std::string& introduction() const = 0;
  [[nodiscard]] virtual std::uint64_t rows() const = 0;

  /// The same assignment in the same state gives the same answer. Errors name column, row, field or
  /// document.
  [[nodiscard]] virtual Result<Answer> answer(const Assignment& assignment,
                                              Documents& documents) = 0;

  /// What has to survive a restart, beside the last answer; `restore` takes it up, from empty
  /// tensors as it was at the start.
  [[nodiscard]] virtual Tensors state() const = 0;
  virtual void restore(Tensors state) = 0;

  /// What this site's metrics show of its telemetry.
  [[nodiscard]] virtual std::span<const TelemetryName> telemetry() const = 0;
};

}  // namespace genesis::method
