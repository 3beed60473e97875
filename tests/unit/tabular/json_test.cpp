#include <functional>

#include <nlohmann/json.hpp>

#include "common/tabular/summary_counts.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;
using nlohmann::json;

namespace {

const Table& sample() {
  static const Table kTable = [] {
    std::string text = "n,x,d,c,b,id\n";
    for (int i = 0; i < 150; ++i) {
      text += std::to_string(i * i % 211) + "," + (i % 9 == 0 ? "" : std::to_string(i % 50)) +
              ".5,2020-01-" + std::to_string(10 + i % 20) + "," +
              (i % 7 == 0   ? ""
               : i % 2 == 0 ? "even"
                            : "odd") +
              (i % 3 == 0 ? ",yes" : ",no") + ",name " + std::to_string(i) + "\n";
    }
    return table_of(text);
  }();
  return kTable;
}

Plan sample_plan() {
  return ok(plan_for({sample()}));
}

Result<Sketch> read_sketch(const json& document) {
  return through_text<Sketch>(document, sketch_from_json);
}
Result<Plan> read_plan(const json& document) {
  return through_text<Plan>(document, plan_from_json);
}
Result<Encoder> read_encoder(const json& document) {
  return through_text<Encoder>(document, encoder_from_json);
}

// Calls `visit` once for every value inside `document`, altered in each of several ways.
void for_each_mutation(const json& document, const std::function<void(const json&)>& visit) {
  const std::vector<json> replacements = {nullptr,
                                          true,
                                          -1,
                                          0,
                                          3.5,
                                          1e308,
                                          "x",
                                          json::array(),
                                          json::object(),
                                          18446744073709551615ULL,
                                          json::array({1, 1}),
                                          json::array({"b", "a"})};
  const json flat = document.flatten();
  for (const auto& [pointer, leaf] : flat.items()) {
    for (const auto& replacement : replacements) {
      json altered = document;
      altered[json::json_pointer(pointer)] = replacement;
      visit(altered);
    }
    const json::json_pointer at(pointer);
    json altered = document;
    auto& parent = altered[at.parent_pointer()];
    if (parent.is_object()) {
      parent.erase(at.back());
      visit(altered);
    } else if (parent.is_array()) {
      parent.push_back(parent.front());
      visit(altered);
      parent = json::array();
      visit(altered);
    }
  }
}

}  // namespace

TEST_CASE("tabular: sketch, plan and encoder come back from JSON", "[tabular]") {
  const Sketch about = sketch(sample());
  const Plan agreed = sample_plan();
  const Summary counts = ok(summarize(sample(), agreed));
  const Encoder encoder = ok(fit(agreed, counts));
  CHECK(ok(read_sketch(to_json(about))) == about);
  CHECK(ok(read_plan(to_json(agreed))) == agreed);
  const Encoder back = ok(read_encoder(to_json(encoder)));
  CHECK(back.columns() == encoder.columns());
  CHECK(back.layout() == encoder.layout());
}

TEST_CASE("tabular: a sketch of values that are rounded over their extremes comes back",
          "[tabular]") {
  std::string text = "x\n";
  for (int i = 0; i < 40; ++i) {
    text += std::to_string(10 + i) + "e-13\n";
  }
  text += "9.96e-13\n4.996e-12\n";
  const Sketch about = sketch(table_of(text));
  REQUIRE_FALSE(about.columns[0].few_values);
  CHECK(ok(read_sketch(to_json(about))) == about);
}

TEST_CASE("tabular: an altered sketch is refused or can be planned with", "[tabular]") {
  std::size_t refused = 0;
  for_each_mutation(to_json(sketch(sample())), [&](const json& altered) {
    const auto read = read_sketch(altered);
    if (!read) {
      ++refused;
      REQUIRE_FALSE(read.error().message.empty());
      return;
    }
    const std::vector<NamedSketch> named = {{"a", *read}, {"b", sketch(sample())}};
    const auto agreed = plan(named, {});
    if (agreed) {
      REQUIRE(read_plan(to_json(*agreed)));
    }
  });
  CHECK(refused > 100);
}

TEST_CASE("tabular: an altered plan is refused or can be counted on", "[tabular]") {
  std::size_t refused = 0;
  for_each_mutation(to_json(sample_plan()), [&](const json& altered) {
    const auto read = read_plan(altered);
    if (!read) {
      ++refused;
      return;
    }
    const auto counts = summarize(sample(), *read);
    if (counts && counts->rows > 0) {
      REQUIRE(fit(*read, *counts));
    }
  });
  CHECK(refused > 100);
}

TEST_CASE("tabular: an altered summary is refused or adds up", "[tabular]") {
  const Plan agreed = ok(plan_for({table_of("n,c\n1,x\n2,y\n3,\n")}));
  const Summary good = ok(summarize(table_of("n,c\n1,x\n2,y\n3,\n"), agreed));
  const auto counts = counts_of(good);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    for (const std::uint64_t other : {std::uint64_t{0}, counts[i] + 1, ~std::uint64_t{0}}) {
      auto altered = counts;
      altered[i] = other;
      const auto read = summary_of(altered, agreed);
      if (read) {
        REQUIRE(*read == good);  // nothing else covers every row once
      } else {
        ++refused;
      }
    }
  }
  CHECK(refused > 10);
}

TEST_CASE("tabular: an altered encoder is refused or encodes and decodes", "[tabular]") {
  const Plan agreed = sample_plan();
  const Encoder encoder = ok(fit(agreed, ok(summarize(sample(), agreed))));
  const Rng rng(1, RoundId{0}, "", "encode");
  std::size_t refused = 0;
  for_each_mutation(to_json(encoder), [&](const json& altered) {
    const auto read = read_encoder(altered);
    if (!read) {
      ++refused;
      return;
    }
    const auto encoded = read->encode(sample(), rng);
    if (encoded) {
      const Table rows = read->decode(*encoded, 1, 0);
      REQUIRE(write_csv(rows, TextCells::kRaw).size() > rows.rows);
    }
  });
  CHECK(refused > 100);
}

TEST_CASE("tabular: what is wrong in JSON is named by its path", "[tabular]") {
  const json good = to_json(sketch(sample()));
  const auto why = [&](const char* pointer, const json& value) {
    json altered = good;
    altered[json::json_pointer(pointer)] = value;
    return error_of(read_sketch(altered));
  };
  CHECK_THAT(why("/columns/1/kind", "number"), ContainsSubstring("sketch.columns[1].kind"));
  CHECK_THAT(why("/columns/0/digits/full", 1'000'000),
             ContainsSubstring("digits: are of more rows"));
  CHECK_THAT(why("/columns/0/extremes", {5, 1}), ContainsSubstring("[minimum, maximum]"));
  CHECK_THAT(why("/columns/0/extremes", {1e305, 2e305}), ContainsSubstring("finite"));
  CHECK_THAT(why("/columns/0/heavyValues", {5, 5}), ContainsSubstring("increasing"));
  CHECK_THAT(why("/columns/3/categories", {"b", "a"}), ContainsSubstring("sorted"));
  CHECK_THAT(why("/columns/3/missing", 151), ContainsSubstring("more than the rows"));
  CHECK_THAT(why("/columns/2/format", "%Q"), ContainsSubstring("not a date format"));
  CHECK_THAT(why("/columns/2/name", "n"), ContainsSubstring("a different name"));
  CHECK_THAT(why("/rows", -1), ContainsSubstring("sketch.rows: expected a whole number"));
  for (const auto& other : {json(), json(1), json("x"), json::array()}) {
    CHECK_FALSE(read_sketch(other));
    CHECK_FALSE(read_plan(other));
    CHECK_FALSE(read_encoder(other));
  }
}

TEST_CASE("tabular: lists in JSON are bounded", "[tabular]") {
  json document = to_json(sample_plan());
  json& columns = document["columns"];
  const json column = columns[0];
  for (std::size_t i = columns.size(); i <= kMaxColumns; ++i) {
    columns.push_back(column);
  }
  CHECK_THAT(error_of(read_plan(document)), ContainsSubstring("a list of at most 4096"));

  json categories = json::array();
  for (std::size_t i = 0; i <= kMaxCategories; ++i) {
    categories.push_back(std::to_string(100000 + i));
  }
  json wide = to_json(sample_plan());
  wide["columns"][3]["categories"] = categories;
  CHECK_THAT(error_of(read_plan(wide)), ContainsSubstring("plan.columns[3].categories"));
}

TEST_CASE("tabular: an encoder's modes keep their laws", "[tabular]") {
  const Plan agreed = sample_plan();
  const json good = to_json(ok(fit(agreed, ok(summarize(sample(), agreed)))));
  const auto why = [&](const char* pointer, const json& value) {
    json altered = good;
    altered[json::json_pointer(pointer)] = value;
    return error_of(read_encoder(altered));
  };
  REQUIRE(good["columns"][0]["modes"].back()["type"] == "gaussian");
  CHECK_THAT(why("/columns/0/modes/0/weight", 0.0), ContainsSubstring("do not sum to 1"));
  CHECK_THAT(why("/columns/0/modes/0/weight", -0.1), ContainsSubstring("a share from 0 to 1"));
  CHECK_THAT(why("/columns/0/minimum", 1e6), ContainsSubstring("above the maximum"));
  CHECK_THAT(why("/columns/0/kind", "category"), ContainsSubstring("a type that the kind"));
  CHECK_THAT(why("/columns/3/modes", json::array()), ContainsSubstring("expected some"));
  CHECK_THAT(why("/columns/3/modes/0/category", "zzz"), ContainsSubstring("not in order"));
  const auto last = "/columns/0/modes/" + std::to_string(good["columns"][0]["modes"].size() - 1);
  CHECK_THAT(why((last + "/deviation").c_str(), 0.0), ContainsSubstring("above 0"));
  CHECK_THAT(why((last + "/deviation").c_str(), 1e-30), ContainsSubstring("the domain"));
  CHECK_THAT(why((last + "/mean").c_str(), 1e9), ContainsSubstring("the domain"));
}
