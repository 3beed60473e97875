#pragma once
// How sites agree on one encoding of their tables, for methods that need one: each introduces its
// table's sketch, everyone counts on the plan that follows from all of them, and the encoder is
// fitted to the sum. The rules are tabular's (encoder.hpp) and the majority's (majority.hpp); this
// is their place in a method.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

/// Plan and encoder are no longer than this. The join that would make them so is refused.
inline constexpr std::size_t kMaxEncodingBytes = std::size_t{16} << 20;

/// So many sites decide by majority what the spec does not declare: rounds.minClients, but three
/// where so many are expected, so that it is never one alone.
[[nodiscard]] std::size_t electorate(const spec::FederatedTraining& training);

[[nodiscard]] std::string encoder_text(const tabular::Encoder& encoder);
/// Errors: kInvalidArgument names the field.
[[nodiscard]] Result<tabular::Encoder> parse_encoder(std::string_view text);

/// Where the cuts come from at which numbers are counted.
enum class Grid {
  kOfSites,  // what the sites' rows ask for
  kPublic,   // from the spec alone: of secure sums, with which a site tells nothing of its numbers
};
[[nodiscard]] Grid grid_of(const spec::FederatedTraining& training);

/// What an encoder is fitted to.
struct Agreed {
  tabular::Plan plan;
  tabular::Summary summary;
};

/// At the server, until the encoder is agreed.
class Agreement {
 public:
  /// Whether a model can be made of an encoding of this shape or a smaller one.
  using FitsModel = std::function<Status(const tabular::Layout&)>;

  /// So many sites as `electorate` decide by majority.
  Agreement(std::vector<tabular::Declaration> declared,
            std::size_t electorate,
            FitsModel fits_model,
            Grid grid)
      : declared_(std::move(declared)),
        electorate_(electorate),
        fits_model_(std::move(fits_model)),
        grid_(grid) {}

  /// As ServerMethod::introduce: the sketch is one of a table that the spec allows, and fits those
  /// of the others once there is a majority. Where this site makes one, those who contradict it are
  /// disqualified, perhaps itself.
  [[nodiscard]] Result<std::uint64_t> introduce(const ClientId& client, std::string_view sketch);
  void leave(const ClientId& client);
  [[nodiscard]] std::vector<Disqualified> take_disqualified() {
    return std::exchange(disqualified_, {});
  }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  /// Everyone is to count on the plan of all sketches. Errors: kFailedPrecondition where no
  /// majority agrees on a table.
  [[nodiscard]] Result<Ask> ask();
  [[nodiscard]] Status check(const rounds::Counts& counts, std::uint64_t rows) const;
  [[nodiscard]] rounds::Counts weighed(const rounds::Counts& counts,
                                       std::uint64_t rows,
                                       std::uint64_t weight) const;
  /// What the counts of all sites, as they were asked for, say of their tables.
  [[nodiscard]] Result<Agreed> agreed(const rounds::Counts& sum) const;

 private:
  [[nodiscard]] Status settle();
  /// Whether the majority of `with`, `client` among them, leaves it in. Errors: the reason.
  [[nodiscard]] Status agrees_with_others(const ClientId& client,
                                          std::span<const tabular::NamedSketch> with) const;
  [[nodiscard]] std::vector<tabular::NamedSketch> named() const;
  /// A plan of `sketches` that all can use: the sites can read it, and the encoder and the model
  /// that come of it can be made whatever they count.
  [[nodiscard]] Result<tabular::Plan> usable_plan(std::vector<tabular::NamedSketch> sketches,
                                                  std::vector<std::string>* notes = nullptr) const;

  std::vector<tabular::Declaration> declared_;
  std::size_t electorate_;
  FitsModel fits_model_;
  Grid grid_;
  std::map<ClientId, tabular::Sketch> sketches_;
  std::vector<ClientId> order_;  // in which they came
  bool is_settled_ = false;      // a majority has decided
  std::vector<Disqualified> disqualified_;
  std::vector<std::string> notes_;
  tabular::Plan plan_;
};

/// A site that comes once `encoder` is agreed: its row count, where its table fits.
[[nodiscard]] Result<std::uint64_t> introduce_late(const ClientId& client,
                                                   std::string_view sketch,
                                                   const tabular::Encoder& encoder);

/// At a site: what it introduces itself with, and its answer to the ask.
[[nodiscard]] std::string sketch_text(const tabular::Sketch& sketch, Grid grid);
/// What bounds the answer: the site's policy, and what the spec declares of columns.
struct SiteRules {
  tabular::SitePolicy policy = {};
  std::vector<tabular::Declaration> declared = {};
};
/// Text that few rows hold counts as other, but for categories that the spec lists. Errors:
/// kPermissionDenied where the plan has no place for other text, and lists more than the spec.
[[nodiscard]] Result<Answer> count_rows(const tabular::Table& table,
                                        const SiteRules& rules,
                                        Documents& documents);

}  // namespace genesis::method
