// Both halves of the method together, in memory, and the rows of what they train.
#include <algorithm>
#include <map>

#include "common/autoregressive/server.hpp"
#include "common/autoregressive/settings.hpp"
#include "common/autoregressive/site.hpp"
#include "common/autoregressive/synthesizer.hpp"
#include "common/tabular/text_table.hpp"
#include "common/wire/model_file.hpp"
#include "tests/support/served.hpp"
#include "tests/unit/autoregressive/builders.hpp"

namespace genesis::autoregressive {
namespace {

using method::Served;

spec::FederatedTraining training(std::int64_t rounds = 12) {
  spec::FederatedTraining made;
  made.name = "test";
  made.seed = 5;
  made.model = {"autoregressive", {R"({"target":"label","embeddingDim":6,"hidden":32,"bins":20})"}};
  made.rounds.count = rounds;
  made.local.epochs = 1;
  made.local.batch_size = 100;
  made.local.learning_rate = 0.01;
  made.local.lr_schedule = spec::LrSchedule::kCosine;
  return made;
}

ClientId client(std::size_t number) {
  return ClientId::parse("site-" + std::to_string(number)).value();
}

struct Federation {
  spec::FederatedTraining spec;
  std::unique_ptr<method::ServerMethod> server;
  std::vector<std::unique_ptr<method::SiteMethod>> sites;
  std::vector<std::string> tables;
};

std::unique_ptr<method::SiteMethod> site(const Federation& made, std::size_t number) {
  return must(make_site({client(number), made.spec, table_of(made.tables[number])}));
}

Federation federation(std::vector<std::string> tables, spec::FederatedTraining spec = training()) {
  Federation made{std::move(spec), nullptr, {}, std::move(tables)};
  made.server = must(make_server(made.spec));
  for (std::size_t i = 0; i < made.tables.size(); ++i) {
    made.sites.push_back(site(made, i));
    (void)must(made.server->introduce(client(i), made.sites.back()->introduction()));
  }
  return made;
}

rounds::Counts sum_of_counts(Federation& made, const method::Ask& ask) {
  rounds::Counts total(std::get<method::SumOfCounts>(ask.combine).words, 0);
  for (const auto& one : made.sites) {
    Served documents(ask);
    const auto answer =
        must(one->answer({ask.request.purpose, ask.request.round, ask.parameters}, documents));
    const auto& counts = std::get<rounds::Counts>(answer.values);
    REQUIRE(made.server->check({counts}, one->rows()));
    for (std::size_t i = 0; i < counts.size(); ++i) {
      total[i] += counts[i];
    }
  }
  return total;
}

std::vector<float> mean_of_tensors(Federation& made, const method::Ask& ask, double& loss) {
  std::vector<float> mean(element_count(std::get<method::MeanOfTensors>(ask.combine).specs));
  loss = 0.0;
  std::map<ClientId, method::Told> told;
  for (const auto& one : made.sites) {
    Served documents(ask);
    const auto answer =
        must(one->answer({ask.request.purpose, ask.request.round, ask.parameters}, documents));
    const auto& update = std::get<Tensors>(answer.values);
    REQUIRE(update.specs == std::get<method::MeanOfTensors>(ask.combine).specs);
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] += update.values[i] / static_cast<float>(made.sites.size());
    }
    loss += answer.telemetry.at("training_loss") / static_cast<double>(made.sites.size());
    told[client(told.size())] = {answer.telemetry, one->rows()};
  }
  made.server->hear(told);
  return mean;
}

struct Trained {
  std::string bytes;
  std::vector<double> losses;
  std::string remark = {};  // at the end
};

// `restart` makes server and sites anew from what they keep, before each round.
Trained run(Federation& made, bool restart = false) {
  Trained trained;
  std::optional<method::Sum> sum;
  for (;;) {
    auto next = must(made.server->next(std::move(sum)));
    const auto* ask = std::get_if<method::Ask>(&next);
    if (ask == nullptr) {
      trained.bytes = must(made.server->model("{}"));
      trained.remark = std::get<method::Done>(next).remark;
      return trained;
    }
    if (ask->request.round.value == 0) {
      sum = sum_of_counts(made, *ask);
      continue;
    }
    if (restart) {
      auto state = made.server->checkpoint();
      made.server = must(make_server(made.spec));
      REQUIRE(made.server->restore(std::move(state), RoundId{ask->request.round.value - 1}));
      for (std::size_t i = 0; i < made.sites.size(); ++i) {
        auto moments = made.sites[i]->state();
        made.sites[i] = site(made, i);
        made.sites[i]->restore(std::move(moments));
      }
      next = must(made.server->next(std::nullopt));
      ask = std::get_if<method::Ask>(&next);
      REQUIRE(ask != nullptr);
    }
    sum = mean_of_tensors(made, *ask, trained.losses.emplace_back());
  }
}

std::unique_ptr<method::Synthesizer> opened(const std::string& bytes) {
  return must(open_model(must(wire::decode_model(bytes))));
}

std::string text(const tabular::Column& column, std::size_t row) {
  return column.codes[row] == tabular::kMissingCode ? "" : column.categories[column.codes[row]];
}

// One model for the tests of its rows.
const std::string& model_bytes() {
  static const std::string bytes = [] {
    auto made = federation({related_rows(4000, 1), related_rows(2000, 2)}, training(30));
    return run(made).bytes;
  }();
  return bytes;
}

}  // namespace

TEST_CASE("autoregressive: a model document reads back as the spec's model", "[autoregressive]") {
  const auto settings = must(settings_of(training().model));
  CHECK(settings.target == "label");
  CHECK(settings.hidden == 32);
  CHECK(settings.ordered == 0.7);
  CHECK(must(parse_model_document(model_document(settings))) == settings);
  CHECK(must(settings_of({"autoregressive", {"{}"}})) == Settings{});
  CHECK_FALSE(settings_of({"autoregressive", {R"({"hidden":"wide"})"}}));
  for (const char* bad : {"",
                          "[]",
                          "{}",
                          R"({"method":"ctgan"})",
                          R"({"method":"autoregressive"})",
                          R"({"method":"autoregressive","embeddingDim":"x"})"}) {
    CHECK_FALSE(parse_model_document(bad));
  }
}

TEST_CASE("autoregressive: the loss falls, and restarts change no byte", "[autoregressive]") {
  const std::vector<std::string> tables{related_rows(900, 1), related_rows(500, 2)};
  auto undisturbed = federation(tables);
  const auto trained = run(undisturbed);
  REQUIRE(trained.losses.size() == 12);
  CHECK(trained.losses.back() < trained.losses.front() - 1.0);
  auto restarted = federation(tables);
  CHECK(run(restarted, true).bytes == trained.bytes);
}

TEST_CASE("autoregressive: a training that gets no better on held-out rows ends early",
          "[autoregressive]") {
  const std::vector<std::string> tables{related_rows(900, 1), related_rows(500, 2)};
  auto spec = training();
  spec.rounds.stop_condition = spec::StopCondition{.patience = 12};
  auto learning = federation(tables, spec);
  const auto learned = run(learning);
  CHECK(learned.losses.size() == 12);
  CHECK(learned.remark.empty());
  spec.local.learning_rate = 1e-9;  // it learns nothing
  spec.rounds.stop_condition->patience = 2;
  auto stuck = federation(tables, spec);
  const auto ended = run(stuck);
  CHECK(ended.losses.size() == 3);
  CHECK_THAT(ended.remark, ContainsSubstring("rounds.stopCondition"));
  auto restarted = federation(tables, spec);
  CHECK(run(restarted, true).bytes == ended.bytes);

  auto without = federation(tables, training());
  auto state = restarted.server->checkpoint();
  CHECK(without.server->restore(state, RoundId{3}));
  state.documents.erase("stop-condition");
  CHECK_FALSE(restarted.server->restore(state, RoundId{3}));
}

TEST_CASE(
    "autoregressive: a site trains on the rows that it does not keep out, and tells the "
    "loss of the others",
    "[autoregressive]") {
  const auto first_round = [](const spec::FederatedTraining& spec) {
    auto made = federation({related_rows(400, 1)}, spec);
    auto next = must(made.server->next(std::nullopt));
    next = must(made.server->next(sum_of_counts(made, std::get<method::Ask>(next))));
    const auto& ask = std::get<method::Ask>(next);
    Served documents(ask);
    auto answer = must(
        made.sites[0]->answer({ask.request.purpose, ask.request.round, ask.parameters}, documents));
    for (const auto& named : made.sites[0]->telemetry()) {  // what it says that it tells
      CHECK(answer.telemetry.contains(std::string(named.name)));
    }
    return answer.telemetry;
  };
  auto spec = training();
  const auto all = first_round(spec);
  CHECK(all.at("steps") == 4);
  CHECK_FALSE(all.contains("holdout_loss"));
  spec.rounds.stop_condition = spec::StopCondition{.patience = 5, .holdout_share = 0.5};
  const auto some = first_round(spec);
  CHECK(some.at("steps") == 2);
  // Before the first step: of weights that know nothing.
  CHECK(some.at("holdout_loss") > all.at("training_loss"));
}

TEST_CASE("autoregressive: sites with another table or a wrong target are refused by name",
          "[autoregressive]") {
  auto made = federation({related_rows(200, 1)});
  auto spec = training();
  spec.model.settings.json = R"({"target":"lable"})";
  const auto server = must(make_server(spec));
  const auto refused = server->introduce(client(0), made.sites[0]->introduction());
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring("did you mean 'label'?"));
  for (const char* bad : {"", "[]", "{}"}) {
    CHECK_FALSE(made.server->introduce(client(1), bad));
  }
}

TEST_CASE("autoregressive: a server that asks for too much gets nothing", "[autoregressive]") {
  auto made = federation({related_rows(300, 1)});
  auto next = must(made.server->next(std::nullopt));
  next = must(made.server->next(sum_of_counts(made, std::get<method::Ask>(next))));
  const auto& ask = std::get<method::Ask>(next);
  Served documents(ask);
  auto& one = *made.sites[0];
  CHECK_FALSE(one.answer({ask.request.purpose, ask.request.round, "{}"}, documents));
  CHECK_FALSE(
      one.answer({ask.request.purpose, ask.request.round, R"({"learning_rate":0.02})"}, documents));
  CHECK_FALSE(one.answer({"rows", {}, ask.parameters}, documents));
  documents.documents["parameters"].resize(100);
  CHECK_FALSE(one.answer({ask.request.purpose, ask.request.round, ask.parameters}, documents));
}

TEST_CASE("autoregressive: rows have the pattern of the real ones", "[autoregressive]") {
  const auto model = opened(model_bytes());
  const auto rows = must(model->block(1, 0, 4096, {}));
  double in_range = 0, agree = 0, missing = 0, spikes = 0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto kind = text(rows.columns[0], i);
    const double size = rows.columns[1].numbers[i];
    const bool is_yes = text(rows.columns[4], i) == "yes";
    in_range += size >= (kind[0] - 'a') * 300 && size < (kind[0] - 'a' + 1) * 300 ? 1 : 0;
    agree += is_yes == (kind == "c") ? 1 : 0;
    spikes += rows.columns[2].numbers[i] == 7.0 ? 1 : 0;
    missing += std::isnan(rows.columns[3].numbers[i]) ? 1 : 0;
  }
  CHECK(in_range / 4096 > 0.95);                   // all of the real ones
  CHECK_THAT(agree / 4096, WithinAbs(0.9, 0.03));  // the deviation of a share is 0.008 at most
  CHECK_THAT(spikes / 4096, WithinAbs(0.5, 0.04));
  CHECK_THAT(missing / 4096, WithinAbs(0.1, 0.03));
}

TEST_CASE("autoregressive: rows do not depend on how the output is split", "[autoregressive]") {
  const auto model = opened(model_bytes());
  const auto all = must(model->block(1, 3, 4096, {}));
  const auto some = must(model->block(1, 3, 10, {}));
  REQUIRE(some.rows == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(some.columns[1].numbers[i] == all.columns[1].numbers[i]);
    CHECK(text(some.columns[4], i) == text(all.columns[4], i));
  }
  CHECK(must(model->block(2, 3, 10, {})).columns[1].numbers != some.columns[1].numbers);
  CHECK(must(model->block(1, 4, 10, {})).columns[1].numbers != some.columns[1].numbers);
}

TEST_CASE("autoregressive: conditions on any columns hold in every row", "[autoregressive]") {
  const auto model = opened(model_bytes());
  const std::vector<std::string> conditions{
      "label=yes", "size in 100..350,700..", "gap is missing", "spike!=7"};
  const auto rows = must(model->block(1, 0, 4096, conditions));
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const double size = rows.columns[1].numbers[i];
    const bool meets = text(rows.columns[4], i) == "yes" &&
                       ((size >= 100 && size <= 350) || size >= 700) &&
                       std::isnan(rows.columns[3].numbers[i]) && rows.columns[2].numbers[i] != 7.0;
    REQUIRE(meets);
  }
  const std::vector<std::string> unknown{"size=5000"};
  CHECK_FALSE(model->block(1, 0, 10, unknown));
}

TEST_CASE("autoregressive: rows under conditions have the distribution that those rows have",
          "[autoregressive]") {
  const auto model = opened(model_bytes());
  const auto share = [&](const std::vector<std::string>& conditions, const auto& counts) {
    const auto rows = must(model->block(1, 0, 4096, conditions));
    double met = 0;
    for (std::size_t i = 0; i < rows.rows; ++i) {
      met += counts(rows, i) ? 1 : 0;
    }
    return met / 4096;
  };
  const auto is_c = [](const tabular::Table& rows, std::size_t i) {
    return text(rows.columns[0], i) == "c";
  };
  // 0.9 of c are yes and 0.1 of a and b: 9 of 11 rows that are yes are c.
  CHECK_THAT(share({"label=yes"}, is_c), WithinAbs(9.0 / 11.0, 0.05));
  // Two ranges: of sizes from 150 on, 150 are of a and 300 of b and c each; that weighs the first
  // column by what the second allows.
  CHECK_THAT(share({"kind in a,c", "size>=150"}, is_c), WithinAbs(2.0 / 3.0, 0.05));
}

TEST_CASE("autoregressive: gaps are filled from their distribution given the rest of the row",
          "[autoregressive]") {
  const auto model = opened(model_bytes());
  // Rows of every second place lack kind, the others size; all lack label, and one gap.
  std::string csv = "kind,size,gap,label,beside\n";
  for (int i = 0; i < 4000; ++i) {
    csv += i % 2 == 0 ? ",700,5.5,,x\n" : "a,,,,y\n";
  }
  const auto texts = must(tabular::parse_text_table(csv, "test"));
  const auto completed = must(model->complete(1, 0, texts, method::Draw::kValues));
  const auto& columns = completed.rows.columns;
  double right = 0, yes = 0;
  for (std::size_t i = 0; i < 4000; ++i) {
    const double size = columns[1].numbers[i];
    right += i % 2 == 0 ? (text(columns[0], i) == "c") : (size < 300);
    yes += i % 2 == 0 && text(columns[4], i) == "yes" ? 1 : 0;
    REQUIRE_FALSE(std::isnan(columns[3].numbers[i]));  // a value, though one in ten has none
    CHECK(completed.given[0][i] ==
          (i % 2 == 0 ? tabular::Given::kNothing : tabular::Given::kUnderstood));
  }
  CHECK(right / 4000 > 0.95);
  CHECK_THAT(yes / 2000, WithinAbs(0.9, 0.04));
  // Of the same rows in another company each is filled alike.
  const auto alone = must(tabular::parse_text_table("kind,size,gap,label\n,700,5.5,\n", "test"));
  const auto one = must(model->complete(1, 0, alone, method::Draw::kValues));
  CHECK(one.rows.columns[2].numbers[0] == columns[2].numbers[0]);
  CHECK(text(one.rows.columns[4], 0) == text(columns[4], 0));
  const auto open = must(model->complete(1, 0, texts, method::Draw::kAnything));
  double missing = 0;
  for (std::size_t i = 1; i < 4000; i += 2) {
    missing += std::isnan(open.rows.columns[3].numbers[i]) ? 1 : 0;
  }
  CHECK_THAT(missing / 2000, WithinAbs(0.1, 0.04));
}

TEST_CASE("autoregressive: sites of different distributions train a model of all their rows",
          "[autoregressive]") {
  // Nine of ten rows that are yes are at the third site, the others at the first two: 6% yes there,
  // 84% here. The mean of what such sites would learn each for itself says yes in 22% of the rows.
  const std::string csv = related_rows(6000, 1);
  const std::size_t header_end = csv.find('\n') + 1;
  std::vector<std::string> tables(3, csv.substr(0, header_end));
  Rng rng(4, RoundId{0}, "", "sites");
  double yes = 0;
  for (std::size_t at = header_end; at < csv.size();) {
    const auto end = csv.find('\n', at) + 1;
    const auto row = csv.substr(at, end - at);
    const bool is_yes = row.ends_with("yes\n");
    yes += is_yes ? 1 : 0;
    tables[is_yes == (rng.uniform() < 0.9) ? 2 : rng.below(2)] += row;
    at = end;
  }
  auto made = federation(tables, training(20));
  const auto model = opened(run(made).bytes);
  const auto rows = must(model->block(1, 0, 4096, {}));
  double drawn = 0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    drawn += text(rows.columns[4], i) == "yes" ? 1 : 0;
  }
  CHECK_THAT(drawn / 4096, WithinAbs(yes / 6000, 0.06));  // a share's deviation is 0.008
}

TEST_CASE("autoregressive: a model file that is not whole is refused", "[autoregressive]") {
  const auto file = must(wire::decode_model(model_bytes()));
  auto broken = file;
  broken.generator.values.pop_back();
  broken.generator.specs.pop_back();
  CHECK_FALSE(open_model(broken));
  broken = file;
  broken.encoder_json = "{}";
  CHECK_FALSE(open_model(broken));
  broken = file;
  broken.model_json = R"({"method":"autoregressive"})";
  CHECK_FALSE(open_model(broken));
}

}  // namespace genesis::autoregressive
