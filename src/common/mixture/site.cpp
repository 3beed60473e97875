#include "common/mixture/site.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "common/base/json.hpp"
#include "common/crypto/digest.hpp"
#include "common/mixture/exchange.hpp"
#include "common/mixture/introduction.hpp"
#include "common/mixture/rare_text.hpp"
#include "common/mixture/settings.hpp"
#include "common/mixture/stages.hpp"

namespace genesis::mixture {
namespace {

// Counts of a few tables take less than starting threads does.
constexpr std::size_t kRowsForThreads = std::size_t{1} << 16;

// A count of each category's rows, for the names that may leave.
std::vector<NoiseSource::Named> named(const tabular::Column& column) {
  std::vector<NoiseSource::Named> values;
  for (const auto& category : column.categories) {
    values.emplace_back(category, 0);
  }
  for (const auto code : column.codes) {
    if (code != tabular::kMissingCode) {
      ++values[code].second;
    }
  }
  return values;
}

// The categories that so many rows have, which may leave by the site's policy.
std::vector<std::string> frequent(const tabular::Column& column, std::uint64_t least_rows) {
  std::vector<std::string> names;
  for (auto& [name, rows] : named(column)) {
    if (rows > 0 && rows >= least_rows) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

// Keeps the first rows of each unit, at most `most`, which depends on no other unit's rows; rows
// that name no unit are one together. Errors: kInvalidArgument where the table lacks the column.
Status cap_units(tabular::Table& table, const std::string& column, std::uint64_t most) {
  const auto units = std::ranges::find(table.columns, column, &tabular::Column::name);
  if (units == table.columns.end()) {
    return fail(Errc::kInvalidArgument,
                "privacy.unitColumn: the table has no column '" + column + "'");
  }
  if (tabular::is_continuous(units->kind)) {
    return fail(Errc::kInternal, "privacy.unitColumn: was not read as text");
  }
  std::vector<std::uint64_t> rows_of(units->categories.size() + 1, 0);
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < table.rows; ++row) {
    const auto code = units->codes[row];
    auto& rows = code == tabular::kMissingCode ? rows_of.back() : rows_of[code];
    if (rows++ < most) {
      kept.push_back(row);
    }
  }
  table.columns.erase(units);
  const auto keep = [&](auto& cells) {
    if (!cells.empty()) {
      for (std::size_t i = 0; i < kept.size(); ++i) {
        cells[i] = cells[kept[i]];
      }
      cells.resize(kept.size());
    }
  };
  for (auto& other : table.columns) {
    keep(other.codes);
    keep(other.numbers);
  }
  table.rows = kept.size();
  return {};
}

// The unit's column is not learned, so that nothing may be declared of it.
void forget_column(spec::TableSpec& table, const std::string& name) {
  std::erase_if(table.columns, [&](const auto& column) { return column.name == name; });
  std::erase(table.discrete_columns, name);
}

class Site final : public method::SiteMethod {
 public:
  Site(method::SiteSetup setup,
       Settings settings,
       std::optional<SiteProtection> protection,
       Introduction introduction)
      : setup_(std::move(setup)),
        settings_(std::move(settings)),
        protection_(std::move(protection)),
        introduced_(std::move(introduction)),
        introduction_(text_of(introduced_)) {}

  const std::string& introduction() const override { return introduction_; }
  std::uint64_t rows() const override { return introduced_.rows.value_or(0); }
  Result<method::Answer> answer(const method::Assignment& assignment,
                                method::Documents& documents) override;
  Tensors state() const override { return {}; }
  void restore(Tensors /*state*/) override {}
  std::span<const method::TelemetryName> telemetry() const override { return {}; }

 private:
  struct Counted {
    Query query;
    Counts counts;
  };
  [[nodiscard]] Result<Counted> count(const method::Assignment& assignment,
                                      method::Documents& documents);
  /// The columns with bounds, which must agree with `schema` in all that it says.
  [[nodiscard]] Result<Schema> columns(const Schema& schema, method::Documents& documents) const;
  [[nodiscard]] Result<Counted> count_pairs(const Schema& schema,
                                            method::Documents& documents) const;

  method::SiteSetup setup_;
  Settings settings_;
  std::optional<SiteProtection> protection_;
  Introduction introduced_;
  std::string introduction_;
};

// The document as `parse` reads it.
template <typename Parse>
auto fetch(method::Documents& documents, std::string_view name, Parse parse)
    -> decltype(parse(std::declval<JsonValue>())) {
  GENESIS_ASSIGN(const std::string text, documents.fetch(name));
  GENESIS_ASSIGN(const auto json, parse_json(text));
  return parse(json.root());
}

Result<Schema> Site::columns(const Schema& schema, method::Documents& documents) const {
  GENESIS_ASSIGN(auto columns, fetch(documents, kColumnsDocument, &schema_from_json));
  bool is_same = columns.size() == schema.size();
  for (std::size_t c = 0; is_same && c < schema.size(); ++c) {
    auto expected = schema[c];
    if (expected.is_number() && expected.units == 0) {
      is_same = columns[c].units > 0;
      expected.units = columns[c].units;
      expected.minimum = columns[c].minimum;
      expected.step = columns[c].step;
      expected.precision = columns[c].precision;
      expected.has_precision = columns[c].has_precision;
    }
    is_same = is_same && expected == columns[c];
  }
  return is_same ? Result<Schema>(std::move(columns))
                 : fail(Errc::kInvalidArgument, "asked to count other columns than were agreed");
}

Result<Site::Counted> Site::count_pairs(const Schema& schema, method::Documents& documents) const {
  GENESIS_ASSIGN(const auto bounded, columns(schema, documents));
  GENESIS_ASSIGN(const auto binnings, fetch(documents, kBinsDocument, [&](JsonValue json) {
                   return binnings_from_json(json, bounded);
                 }));
  GENESIS_ASSIGN(const auto plan, fetch(documents, kPairsDocument, [&](JsonValue json) {
                   return table_plan_from_json(json, binnings);
                 }));
  const unsigned threads =
      setup_.table.rows < kRowsForThreads ? 1 : std::max(1U, std::thread::hardware_concurrency());
  GENESIS_ASSIGN(auto counts, count_tables(setup_.table, bounded, binnings, plan, threads));
  return Counted{tables_query(settings_, schema, plan), std::move(counts)};
}

Result<Site::Counted> Site::count(const method::Assignment& assignment,
                                  method::Documents& documents) {
  GENESIS_ASSIGN(const auto schema, fetch(documents, kSchemaDocument, &schema_from_json));
  GENESIS_RETURN_IF_ERROR(check_asked(setup_.training.table, introduced_, schema));
  if (!protection_) {  // under which each row is counted by itself
    spread_rare_text(setup_.table, schema);
  }
  if (assignment.purpose == kFine) {
    GENESIS_ASSIGN(auto counts, count_fine(setup_.table, schema));
    return Counted{fine_query(settings_, schema), std::move(counts)};
  }
  if (assignment.purpose == kZoom) {
    GENESIS_ASSIGN(const auto bounded, columns(schema, documents));
    GENESIS_ASSIGN(const auto ranges, fetch(documents, kRangesDocument, [&](JsonValue json) {
                     return ranges_from_json(json, bounded);
                   }));
    GENESIS_ASSIGN(auto counts, count_zoom(setup_.table, bounded, ranges));
    return Counted{zoom_query(settings_, ranges), std::move(counts)};
  }
  if (assignment.purpose == kTables) {
    return count_pairs(schema, documents);
  }
  return fail(Errc::kInvalidArgument,
              "asked for \"" + assignment.purpose + "\", which this version does not answer");
}

// Hashes what is fetched through it.
class HashedDocuments final : public method::Documents {
 public:
  HashedDocuments(method::Documents& documents, std::string_view purpose)
      : documents_(documents), text_(std::string(purpose) + "\n") {}

  Result<std::string> fetch(std::string_view name) override {
    auto bytes = documents_.fetch(name);
    if (bytes) {
      text_ += std::string(name) + " " + crypto::sha256_hex(*bytes) + "\n";
    }
    return bytes;
  }
  [[nodiscard]] std::string sha256() const { return crypto::sha256_hex(text_); }

 private:
  method::Documents& documents_;  // outlives this
  std::string text_;
};

Result<method::Answer> Site::answer(const method::Assignment& assignment,
                                    method::Documents& documents) {
  HashedDocuments hashed(documents, assignment.purpose);
  GENESIS_ASSIGN(const auto counted, count(assignment, hashed));
  std::vector<std::int64_t> counts(counted.counts.begin(), counted.counts.end());
  if (protection_) {
    const double variance = variance_of(protection_->protection, counted.query);
    const Asked asked{
        assignment.run, static_cast<std::uint32_t>(assignment.collection.value), hashed.sha256()};
    GENESIS_RETURN_IF_ERROR(protection_->noise->add(asked, counted.query, variance, counts));
  }
  method::Answer answer;
  answer.values = to_words(counts);
  answer.is_kept = protection_.has_value();
  return answer;
}

}  // namespace

Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup,
                                                      std::optional<SiteProtection> protection) {
  GENESIS_ASSIGN(auto settings, settings_of(setup.training));
  if (!protection && setup.training.privacy.differential_privacy) {
    return fail(Errc::kInternal,
                "privacy.differentialPrivacy: the site was made without its noise");
  }
  const auto& secure = setup.training.privacy.secure_aggregation;
  const bool is_hidden = secure && secure->encryption != spec::Encryption::kNone;
  if (!protection && !is_hidden && setup.audience != method::Audience::kOneself) {
    return fail(Errc::kFailedPrecondition,
                "model.method: mixture sends tables of counts, which the aggregator would see of "
                "each site as they are; set privacy.differentialPrivacy {epsilon, delta} or "
                "privacy.secureAggregation, or keep them in one process, by simulating the "
                "training");
  }
  if (const auto unit = setup.training.privacy.unit_column; protection && unit) {
    const auto most = setup.training.privacy.max_rows_per_unit.value_or(1);
    GENESIS_RETURN_IF_ERROR(cap_units(setup.table, *unit, static_cast<std::uint64_t>(most)));
    forget_column(setup.training.table, *unit);
  }
  const auto names = [&](const tabular::Column& column) -> Result<std::vector<std::string>> {
    if (tabular::is_continuous(column.kind)) {
      return std::vector<std::string>();
    }
    if (!protection) {
      return frequent(column, setup.policy.min_category_count);
    }
    return protection->noise->names(
        column.name, variance_alone(protection->protection, names_query(settings)), named(column));
  };
  GENESIS_ASSIGN(auto introduction,
                 introduce(setup.table,
                           setup.training.table,
                           protection ? Inference::kNone : Inference::kKinds,
                           names));
  if (!protection && !secure) {
    introduction.rows = setup.table.rows;
  }
  return std::make_unique<Site>(
      std::move(setup), std::move(settings), std::move(protection), std::move(introduction));
}

}  // namespace genesis::mixture
