#include "common/tabular/encoder.hpp"

#include <algorithm>

#include "common/tabular/fits.hpp"
#include "tests/unit/tabular/builders.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

Rng stream(std::string_view purpose) {
  return {7, RoundId{0}, "", purpose};
}

// Smooth integers, decimals with a spike at zero and gaps, dates, categories with gaps, names.
Table varied(std::size_t rows) {
  Rng rng = stream("table");
  std::string text = "age,amount,day,city,member,name\n";
  for (std::size_t row = 0; row < rows; ++row) {
    const double age = std::clamp(40.0 + 12.0 * rng.normal(), 17.0, 90.0);
    text += std::to_string(static_cast<int>(age)) + ",";
    const auto which = rng.below(10);
    if (which < 5) {
      text += "0";
    } else if (which < 9) {
      text += std::to_string(rng.below(9000)) + "." + std::to_string(10 + rng.below(90));
    }
    const auto day = 1 + rng.below(28);
    text += (day < 10 ? ",2021-0" : ",2021-0") + std::to_string(1 + rng.below(9));
    text += (day < 10 ? "-0" : "-") + std::to_string(day);
    const auto city = rng.below(4);
    text += city == 0 ? ",Bern" : city == 1 ? ",\"Aarau, West\"" : city == 2 ? ",Chur" : ",";
    text += rng.below(3) == 0 ? ",yes" : ",no";
    text += ",person " + std::to_string(row) + "\n";
  }
  return table_of(text);
}

// Rows as a perfect model would draw them: each mode at its frequency, normal inside.
EncodedTable perfect_draws(const Encoder& encoder, std::size_t rows) {
  Rng rng = stream("perfect");
  EncodedTable drawn;
  drawn.rows = rows;
  for (const auto& layout : encoder.layout().columns) {
    EncodedColumn cells;
    for (std::size_t row = 0; layout.modes > 0 && row < rows; ++row) {
      double left = rng.uniform();
      std::uint32_t mode = 0;
      while (mode + 1 < layout.modes && left >= layout.frequencies[mode]) {
        left -= layout.frequencies[mode++];
      }
      cells.mode.push_back(mode);
      if (layout.has_value) {
        const double scalar = layout.mode_has_value[mode] == 1 ? rng.normal() / 4.0 : 0.0;
        cells.value.push_back(static_cast<float>(std::clamp(scalar, -0.99, 0.99)));
      }
    }
    drawn.columns.push_back(std::move(cells));
  }
  return drawn;
}

// Kolmogorov-Smirnov distance of the present values.
double distance(std::vector<double> a, std::vector<double> b) {
  for (auto* values : {&a, &b}) {
    std::erase_if(*values, [](double x) { return std::isnan(x); });
    std::sort(values->begin(), values->end());
  }
  double largest = 0.0;
  for (const double x : a) {
    const auto share = [x](const std::vector<double>& values) {
      const auto end = std::upper_bound(values.begin(), values.end(), x);
      return static_cast<double>(end - values.begin()) / static_cast<double>(values.size());
    };
    largest = std::max(largest, std::abs(share(a) - share(b)));
  }
  return largest;
}

}  // namespace

TEST_CASE("tabular: what a perfect model draws is distributed as the data",
          "[tabular][statistical]") {
  // 20,000 rows against as many draws: two samples of one law differ by 0.02 once in 1,500 times.
  const Table table = varied(20000);
  const Encoder encoder = encoder_for({table});
  const Table rows = encoder.decode(perfect_draws(encoder, table.rows), 1, 0);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (is_continuous(table.columns[i].kind)) {
      INFO(table.columns[i].name);
      CHECK(distance(table.columns[i].numbers, rows.columns[i].numbers) < 0.025);
    }
  }
}

TEST_CASE("tabular: decoding gives back what was encoded, but for clipped tails", "[tabular]") {
  const Table table = varied(3000);
  const Encoder encoder = encoder_for({table});
  const EncodedTable encoded = ok(encoder.encode(table, stream("encode")));
  const Table back = encoder.decode(encoded, 1, 0);
  REQUIRE(back.rows == table.rows);
  for (std::size_t i = 0; i + 1 < table.columns.size(); ++i) {
    INFO(table.columns[i].name);
    CHECK(back.columns[i].kind == table.columns[i].kind);
    CHECK(back.columns[i].codes == table.columns[i].codes);
    CHECK(back.columns[i].categories == table.columns[i].categories);
    std::size_t different = 0;
    for (std::size_t row = 0; row < table.columns[i].numbers.size(); ++row) {
      different += same_number(back.columns[i].numbers[row], table.columns[i].numbers[row]) ? 0 : 1;
    }
    CHECK(different <= 3);  // beyond 3.96 deviations of the drawn mode
  }
}

TEST_CASE("tabular: encoded cells are within what the layout says", "[tabular]") {
  const Table table = varied(2000);
  const Encoder encoder = encoder_for({table});
  const EncodedTable encoded = ok(encoder.encode(table, stream("encode")));
  REQUIRE(encoded.columns.size() == encoder.layout().columns.size());
  for (std::size_t i = 0; i < encoded.columns.size(); ++i) {
    const auto& layout = encoder.layout().columns[i];
    const auto& cells = encoded.columns[i];
    INFO(layout.name);
    CHECK(cells.mode.size() == (layout.modes == 0 ? 0 : table.rows));
    CHECK(cells.value.size() == (layout.has_value ? table.rows : 0));
    bool all_within = true;
    for (std::size_t row = 0; row < cells.mode.size(); ++row) {
      all_within = all_within && cells.mode[row] < layout.modes;
      if (layout.has_value) {
        const float value = cells.value[row];
        const bool means_something = layout.mode_has_value[cells.mode[row]] == 1;
        all_within = all_within && std::abs(value) <= 0.99F && (means_something || value == 0.0F);
      }
    }
    CHECK(all_within);
  }
}

TEST_CASE("tabular: modes are drawn with the frequencies that the encoder tells", "[tabular]") {
  // 20,000 rows: a share's deviation is below 0.0036, so 0.02 is never reached by chance.
  const Table table = varied(20000);
  const Encoder encoder = encoder_for({table});
  const EncodedTable encoded = ok(encoder.encode(table, stream("encode")));
  for (std::size_t i = 0; i < encoded.columns.size(); ++i) {
    const auto& layout = encoder.layout().columns[i];
    std::vector<double> share(layout.modes, 0.0);
    for (const auto mode : encoded.columns[i].mode) {
      share[mode] += 1.0 / static_cast<double>(table.rows);
    }
    for (std::size_t k = 0; k < share.size(); ++k) {
      INFO(layout.name << " mode " << k);
      CHECK_THAT(share[k], WithinAbs(layout.frequencies[k], 0.02));
    }
  }
}

TEST_CASE("tabular: the same stream encodes alike, another one does not", "[tabular]") {
  const Table table = varied(500);
  const Encoder encoder = encoder_for({table});
  const auto first = ok(encoder.encode(table, stream("encode")));
  const auto again = ok(encoder.encode(table, stream("encode")));
  const auto other = ok(encoder.encode(table, stream("other")));
  CHECK(first.columns[0].value == again.columns[0].value);
  CHECK(first.columns[0].mode == again.columns[0].mode);
  CHECK(first.columns[0].value != other.columns[0].value);
}

TEST_CASE("tabular: whatever a model puts out, decoded cells are of the domain", "[tabular]") {
  const Table table = varied(2000);
  const Encoder encoder = encoder_for({table});
  Rng rng = stream("model");
  EncodedTable wild;
  wild.rows = 3000;
  for (const auto& layout : encoder.layout().columns) {
    EncodedColumn cells;
    for (std::size_t row = 0; layout.modes > 0 && row < wild.rows; ++row) {
      cells.mode.push_back(static_cast<std::uint32_t>(rng.below(layout.modes)));
      if (layout.has_value) {
        cells.value.push_back(row == 0   ? std::nanf("")
                              : row == 1 ? INFINITY
                                         : static_cast<float>(3.0 * rng.normal()));
      }
    }
    wild.columns.push_back(std::move(cells));
  }
  const Table rows = encoder.decode(wild, 1, 0);
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const auto& about = encoder.columns()[i];
    INFO(about.name);
    for (const double x : rows.columns[i].numbers) {
      REQUIRE((std::isnan(x) || (x >= about.minimum && x <= about.maximum)));
    }
    for (const auto code : rows.columns[i].codes) {
      REQUIRE((code == kMissingCode || code < rows.columns[i].categories.size()));
    }
  }
  // Written and read again, every column has its kind: nothing is off the digits or the format.
  const Table again = table_of(write_csv(rows, TextCells::kRaw));
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    CHECK(to_string(again.columns[i].kind) == to_string(table.columns[i].kind));
    CHECK(again.columns[i].precision == table.columns[i].precision);
  }
}

TEST_CASE("tabular: whole values stay whole, written as they were", "[tabular]") {
  std::string text = "x\n";
  for (int i = 0; i < 200; ++i) {
    text += std::to_string(30 + i * i % 47 + i % 5) + ".00\n";
  }
  const Encoder encoder = encoder_for({table_of(text)});
  REQUIRE(encoder.layout().columns[0].has_value);
  EncodedTable drawn;
  drawn.rows = 200;
  drawn.columns.resize(1);
  Rng rng = stream("draw");
  for (std::size_t row = 0; row < drawn.rows; ++row) {
    drawn.columns[0].mode.push_back(0);
    drawn.columns[0].value.push_back(static_cast<float>(rng.uniform() - 0.5));
  }
  const std::string out = write_csv(encoder.decode(drawn, 1, 0), TextCells::kRaw);
  CHECK(std::count(out.begin(), out.end(), '.') == 200);
  std::size_t whole = 0;
  for (auto at = out.find(".00\n"); at != std::string::npos; at = out.find(".00\n", at + 1)) {
    ++whole;
  }
  CHECK(whole == 200);
}

TEST_CASE("tabular: decoded tables keep a table's rules", "[tabular]") {
  const Table table = varied(300);
  const Encoder encoder = encoder_for({table});
  EncodedTable encoded = ok(encoder.encode(table, stream("encode")));
  const auto city = 3;
  for (auto& mode : encoded.columns[city].mode) {
    mode = 2;  // Chur in every row
  }
  const Table rows = encoder.decode(encoded, 1, 8);
  CHECK(rows.columns[city].categories == std::vector<std::string>{"Chur"});
  const auto& names = rows.columns[5];
  CHECK(names.kind == Kind::kIdentifier);
  CHECK(std::is_sorted(names.categories.begin(), names.categories.end()));
  CHECK(names.categories[names.codes[0]] == "id-9");
  CHECK(names.categories[names.codes[299]] == "id-308");
}

TEST_CASE("tabular: a missing cell that no site had is named with its row", "[tabular]") {
  const Encoder encoder = encoder_for({table_of("n,c\n1,x\n2,y\n")});
  const auto why = [&](std::string_view text) {
    return error_of(encoder.encode(table_of(text), stream("encode")));
  };
  CHECK_THAT(why("n,c\n1,x\n,x\n"), ContainsSubstring("row 2: no value"));
  CHECK_THAT(why("n,c\n1,x\n1,\n"), ContainsSubstring("column 'c', row 2: no value"));
  CHECK_THAT(why("n\n1\n"), ContainsSubstring("column 'c' is not in the table"));
  CHECK(ok(encoder.encode(table_of("c,n\ny,1\n"), stream("encode"))).columns[1].mode ==
        std::vector<std::uint32_t>{1});
}

TEST_CASE("tabular: a late site's numbers are moved into the agreed domain, and it is told",
          "[tabular]") {
  std::string text = "age,grade\n";
  for (int i = 0; i < 500; ++i) {
    text += std::to_string(20 + i % 60) + "," + std::to_string(1 + i % 3) + "\n";
  }
  const Encoder encoder = encoder_for({table_of(text)});
  std::string others = "age,grade\n19,2\n99,7\n40,3\n";
  for (int i = 0; i < 4; ++i) {
    others += "99,7\n";
  }
  const Table late = table_of(others);
  REQUIRE(check_fits(sketch(late), encoder));
  const auto encoded = ok(encoder.encode(late, stream("late")));
  const Table back = encoder.decode(encoded, 1, 0);
  CHECK(back.columns[0].numbers == std::vector<double>{20.0, 79.0, 40.0, 79.0, 79.0, 79.0, 79.0});
  CHECK(back.columns[1].numbers == std::vector<double>{2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0});
  const auto told = moved_columns(late, sketch(late), encoder);
  REQUIRE(told.size() == 2);
  CHECK_THAT(told[0], ContainsSubstring("column 'age'") && ContainsSubstring("bounds"));
  CHECK_THAT(told[1], ContainsSubstring("column 'grade'") && ContainsSubstring("nearest"));
  CHECK(moved_columns(table_of(text), sketch(table_of(text)), encoder).empty());
  // What has no nearest is still refused.
  CHECK_FALSE(check_fits(sketch(table_of("age,grade\n,2\n30,1\n")), encoder));
  CHECK_FALSE(check_fits(sketch(table_of("age,grade\nold,2\nyoung,1\n")), encoder));
}

TEST_CASE("tabular: a site that joins again with noise in its last digits is told nothing",
          "[tabular]") {
  std::string text = "x\n";
  for (int i = 0; i < 300; ++i) {
    text += std::to_string(i / 10) + "." + std::to_string(i % 10) + "\n";
  }
  const Table table = table_of(text + "29.900000000000002\n");
  const Encoder encoder = encoder_for({table});
  REQUIRE(encoder.columns()[0].maximum == 29.9);
  CHECK(check_fits(sketch(table), encoder));
  CHECK(moved_columns(table, sketch(table), encoder).empty());
}
