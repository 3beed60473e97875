#pragma once
// The seam behind which a way to make synthetic rows lives, at the server. A method says what the
// sites are to be asked, is given the sum of their answers, and asks on, until it releases a model.
// It knows no HTTP, no rounds and no client but by name; it needs no LibTorch. A new method is one
// folder with its two halves and a line in each table of common/methods.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/ids.hpp"
#include "common/base/tensors.hpp"
#include "common/method/telemetry.hpp"
#include "common/rounds/collection.hpp"
#include "common/rounds/contribution.hpp"
#include "common/wire/checkpoint.hpp"

namespace genesis::method {

/// Bytes that sites need in order to answer, shared by all who send them.
struct Document {
  std::string name;  // [a-z0-9-]
  std::shared_ptr<const std::string> bytes;
  std::string sha256;
};
[[nodiscard]] Document make_document(std::string name, std::string bytes);

/// Answers are so many counts, which add up exactly.
struct SumOfCounts {
  std::size_t words = 0;
  /// Lengths of the consecutive lists of which they consist, where each adds up to a site's rows:
  /// median and trimmed-mean then combine the lists' distributions. Empty where they do not.
  std::vector<std::size_t> distributions = {};
};
/// Answers are tensors of these shapes, which spec.aggregation's strategy makes one of.
struct MeanOfTensors {
  std::vector<TensorSpec> specs;
};
using Combine = std::variant<SumOfCounts, MeanOfTensors>;

struct Ask {
  rounds::Request request;
  std::string parameters = "{}";  // JSON, small; read by the method's half at the site
  std::vector<Document> documents;
  Combine combine;
  std::vector<std::string> remarks = {};  // for people who watch the training; nothing of rows
};

/// What the answers have become.
using Sum = std::variant<rounds::Counts, std::vector<float>>;

/// What a site told beside its answer, and what it weighed in the sum.
struct Told {
  rounds::Telemetry telemetry;
  std::uint64_t weight = 0;
};

/// The model is ready to be released.
struct Done {
  std::string remark = {};  // for people: why before the last round; "": it was the last
};
/// Something that takes long is due: `run` it once, on any thread, then call next() again without a
/// sum. Until it has returned, only introduce(), leave() and const functions are called beside it.
struct Work {
  std::function<void()> run;
};
using Next = std::variant<Ask, Done, Work>;

/// A site that can't take part with what it has told of its table, and why.
struct Disqualified {
  ClientId client;
  std::string reason;
};

class ServerMethod {
 public:
  virtual ~ServerMethod() = default;

  /// A site introduces itself (JSON that its half made). Returns its row count, which weighs its
  /// answers. The same site may come again. Errors: kInvalidArgument names what differs from the
  /// others' or is malformed; then nothing has changed.
  [[nodiscard]] virtual Result<std::uint64_t> introduce(const ClientId& client,
                                                        std::string_view introduction) = 0;
  /// It takes part no more, or was refused after all.
  virtual void leave(const ClientId& client) = 0;
  /// Sites that introduce() or next() has found to contradict the others, each named once: they are
  /// as those that have left.
  [[nodiscard]] virtual std::vector<Disqualified> take_disqualified() { return {}; }
  /// What people should know of what the sites have told: what was clamped, what to declare.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }

  /// What the sites of the sum that next() is given next told of themselves. Not called where the
  /// sum is a secure one, whose sites tell nothing.
  virtual void hear(const std::map<ClientId, Told>& /*told*/) {}

  /// What comes next: without a sum what is due now, at the start or after restore(); else what
  /// follows from the sum of what was asked last. Errors end the training.
  [[nodiscard]] virtual Result<Next> next(std::optional<Sum> sum) = 0;

  /// Whether one answer to what was asked last makes sense, beyond its shape, from a site of `rows`
  /// rows. Errors: kInvalidArgument.
  [[nodiscard]] virtual Status check(const rounds::Plain& answer, std::uint64_t rows) const = 0;

  /// Counts that were checked, from a site of `rows` rows, as those of `weight` rows of its table.
  [[nodiscard]] virtual rounds::Counts weighed(rounds::Counts counts,
                                               std::uint64_t /*rows*/,
                                               std::uint64_t /*weight*/) const {
    return counts;
  }

  /// The released model's file, after Done; `provenance` is a JSON document that goes with it.
  [[nodiscard]] virtual Result<std::string> model(const std::string& provenance) const = 0;

  /// All that is needed to go on after the last sum; `restore` takes it up in a new process, where
  /// `closed` was that sum's round. Errors: kInvalidArgument where it is not of this spec.
  [[nodiscard]] virtual wire::MethodState checkpoint() const = 0;
  [[nodiscard]] virtual Status restore(wire::MethodState state, RoundId closed) = 0;

  /// How many rounds it asks for; nothing: spec.rounds.count.
  [[nodiscard]] virtual std::optional<std::uint32_t> rounds() const { return std::nullopt; }

  /// What metrics show of the clients' telemetry.
  [[nodiscard]] virtual std::span<const TelemetryName> telemetry() const = 0;
};

}  // namespace genesis::method
