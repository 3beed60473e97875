#include "common/tabular/column_csv.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/tabular/text_table.hpp"
#include "tests/support/catch.hpp"

using namespace genesis;
using namespace genesis::tabular;

namespace {

template <typename T>
Cells cells_of(CellType type, const std::vector<T>& values) {
  return {.type = type, .length = values.size(), .values = values.data()};
}

// Text with its offsets.
struct Texts {
  explicit Texts(const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
      bytes += text;
      offsets.push_back(static_cast<std::int32_t>(bytes.size()));
    }
  }
  [[nodiscard]] Cells cells() const {
    return {.type = CellType::kText,
            .length = offsets.size() - 1,
            .values = offsets.data(),
            .bytes = bytes.data()};
  }
  std::string bytes;
  std::vector<std::int32_t> offsets = {0};
};

Result<std::string> csv_of(const ColumnTable& table) {
  std::string csv;
  GENESIS_RETURN_IF_ERROR(write_columns(table, "rows", [&](std::string_view text) {
    csv += text;
    return Status();
  }));
  return csv;
}

std::string csv_of(const Cells& cells, const CellStyle& style = {}) {
  return csv_of(ColumnTable{{{"x", {cells}}}, style}).value();
}

}  // namespace

TEST_CASE("columns: floats have the fewest digits that are read exactly, as Python lays them out",
          "[tabular]") {
  const std::vector<double> values = {0.1,
                                      1.0,
                                      -0.0,
                                      41.5,
                                      1e15,
                                      1e16,
                                      1.5e16,
                                      1e-4,
                                      1.5e-5,
                                      123456789012345680.0,
                                      5e-324,
                                      -1.7976931348623157e308,
                                      0.30000000000000004,
                                      100.0,
                                      1234.5678};
  CHECK(csv_of(cells_of(CellType::kFloat64, values)) ==
        "\"x\"\n0.1\n1.0\n-0.0\n41.5\n1000000000000000.0\n1e+16\n1.5e+16\n0.0001\n1.5e-05\n"
        "1.2345678901234568e+17\n5e-324\n-1.7976931348623157e+308\n0.30000000000000004\n100.0\n"
        "1234.5678\n");
  CHECK(csv_of(cells_of(CellType::kFloat64, std::vector<double>{41.0, 0.5}),
               {.whole_floats_have_point = false}) == "\"x\"\n41\n0.5\n");
  CHECK(csv_of(cells_of(CellType::kFloat32, std::vector<float>{0.1F, 16777216.0F})) ==
        "\"x\"\n0.1\n16777216.0\n");
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  CHECK(csv_of(cells_of(CellType::kFloat64, std::vector<double>{kNan, kInfinity, -kInfinity})) ==
        "\"x\"\n\"\"\ninf\n-inf\n");
}

TEST_CASE("columns: whole numbers of each width are written to their ends", "[tabular]") {
  CHECK(csv_of(cells_of(CellType::kInt8, std::vector<std::int8_t>{-128, 127})) ==
        "\"x\"\n-128\n127\n");
  CHECK(csv_of(cells_of(CellType::kUint8, std::vector<std::uint8_t>{0, 255})) == "\"x\"\n0\n255\n");
  CHECK(csv_of(cells_of(CellType::kInt16, std::vector<std::int16_t>{-32768})) == "\"x\"\n-32768\n");
  CHECK(csv_of(cells_of(CellType::kUint32, std::vector<std::uint32_t>{4294967295U})) ==
        "\"x\"\n4294967295\n");
  CHECK(csv_of(cells_of(CellType::kInt64,
                        std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()})) ==
        "\"x\"\n-9223372036854775808\n");
  CHECK(csv_of(cells_of(CellType::kUint64,
                        std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()})) ==
        "\"x\"\n18446744073709551615\n");
}

TEST_CASE("columns: decimals keep their places", "[tabular]") {
  const std::vector<std::uint64_t> words = {
      150, 0, 5, 0, static_cast<std::uint64_t>(-7), static_cast<std::uint64_t>(-1), 0, 0};
  Cells cells{.type = CellType::kDecimal128, .length = 4, .values = words.data(), .decimals = 2};
  CHECK(csv_of(cells) == "\"x\"\n1.50\n0.05\n-0.07\n0.00\n");
  cells.decimals = 0;
  CHECK(csv_of(cells) == "\"x\"\n150\n5\n-7\n0\n");
}

TEST_CASE("columns: moments are written in the style of the table", "[tabular]") {
  const std::vector<std::int64_t> ticks = {0, -1, 1'706'781'900'500'000};
  Cells cells{.type = CellType::kTimestamp,
              .length = 3,
              .values = ticks.data(),
              .ticks_per_second = 1'000'000,
              .decimals = 6};
  CHECK(csv_of(cells, {.before_time = 'T'}) ==
        "\"x\"\n1970-01-01T00:00:00.000000\n1969-12-31T23:59:59.999999\n"
        "2024-02-01T10:05:00.500000\n");
  cells.decimals = 0;
  cells.has_zone = true;
  CHECK(csv_of(cells, {.utc = "+0000"}) ==
        "\"x\"\n1970-01-01 00:00:00+0000\n1969-12-31 23:59:59+0000\n2024-02-01 10:05:00+0000\n");
  cells.type = CellType::kDuration;
  CHECK(csv_of(cells) == "\"x\"\n0.0\n-1e-06\n1706781900.5\n");
  CHECK(csv_of(cells_of(CellType::kDate32,
                        std::vector<std::int32_t>{-1, 19754, 2'932'896, 2'932'897, -719'528})) ==
        "\"x\"\n1969-12-31\n2024-02-01\n9999-12-31\n2932897\n0000-01-01\n");
  CHECK(csv_of(cells_of(CellType::kDate64, std::vector<std::int64_t>{86'399'999, -1})) ==
        "\"x\"\n1970-01-01\n1969-12-31\n");
  CHECK(csv_of(cells_of(CellType::kTime32, std::vector<std::int32_t>{3723, -3})) ==
        "\"x\"\n01:02:03\n-3\n");
}

TEST_CASE("columns: what is missing is an empty cell, and a row of one column is never blank",
          "[tabular]") {
  const std::vector<std::int16_t> values = {7, 8, 9, 10};
  const std::uint8_t validity = 0b1010;
  auto cells = cells_of(CellType::kInt16, values);
  cells.validity = &validity;
  CHECK(csv_of(cells) == "\"x\"\n\"\"\n8\n\"\"\n10\n");
  cells.offset = 1;
  cells.length = 2;
  CHECK(csv_of(cells) == "\"x\"\n8\n\"\"\n");
  const Cells none{.type = CellType::kNull, .length = 2};
  CHECK(csv_of(ColumnTable{{{"x", {none}}, {"y", {cells}}}}).value() == "\"x\",\"y\"\n,8\n,\n");
  const std::uint8_t bits = 0b0101;
  Cells truths{.type = CellType::kBoolean, .length = 2, .offset = 1, .values = &bits};
  CHECK(csv_of(truths, {.truth = "True", .untruth = "False"}) == "\"x\"\nFalse\nTrue\n");
}

TEST_CASE("columns: text is put in quotes where it has to be, and chunks follow each other",
          "[tabular]") {
  const Texts first({"a", "", "b,c"});
  const Texts second({"say \"no\"", "two\nlines"});
  const ColumnTable table{{{"a \"name\"", {first.cells(), Cells{}, second.cells()}}}};
  CHECK(csv_of(table).value() ==
        "\"a \"\"name\"\"\"\na\n\"\"\n\"b,c\"\n\"say \"\"no\"\"\"\n\"two\nlines\"\n");
}

TEST_CASE("columns: views hold short texts and point at long ones", "[tabular]") {
  const std::string part = "something longer than twelve bytes";
  std::vector<std::array<std::int32_t, 4>> views(2);
  views[0][0] = 3;
  std::memcpy(&views[0][1], "abc", 3);
  views[1] = {20, 0, 0, 10};
  Cells cells{.type = CellType::kTextView, .length = 2, .values = views.data(), .parts = {part}};
  CHECK(csv_of(cells) == "\"x\"\nabc\n" + part.substr(10, 20) + "\n");
  for (const std::array<std::int32_t, 4>& wrong : {std::array{35, 0, 0, 0},
                                                   std::array{20, 0, 0, 15},
                                                   std::array{20, 0, 1, 0},
                                                   std::array{20, 0, 0, -1},
                                                   std::array{-1, 0, 0, 0}}) {
    views[1] = wrong;
    const auto csv = csv_of(ColumnTable{{{"x", {cells}}}});
    REQUIRE(!csv);
    CHECK(csv.error().message ==
          "rows: column \"x\", row 2: has offsets that lead out of the buffer");
  }
}

TEST_CASE("columns: indices are looked up, and those that lead nowhere are refused", "[tabular]") {
  const Texts words({"north", "south"});
  std::vector<std::int8_t> places = {1, 0, -1, 1};
  auto cells = cells_of(CellType::kInt8, places);
  cells.dictionary = std::make_shared<Cells>(words.cells());
  CHECK(csv_of(cells) == "\"x\"\nsouth\nnorth\n\"\"\nsouth\n");
  places[3] = 2;
  const auto csv = csv_of(ColumnTable{{{"x", {cells}}}});
  REQUIRE(!csv);
  CHECK(csv.error().message == "rows: column \"x\", row 4: has an index beyond its dictionary");
}

TEST_CASE("columns: those of another length, and offsets that go back, are refused", "[tabular]") {
  const std::vector<std::int16_t> three = {1, 2, 3};
  const std::vector<std::int16_t> two = {1, 2};
  const ColumnTable uneven{
      {{"x", {cells_of(CellType::kInt16, three)}}, {"y", {cells_of(CellType::kInt16, two)}}}};
  const auto csv = csv_of(uneven);
  REQUIRE(!csv);
  CHECK_THAT(csv.error().message,
             ContainsSubstring("rows: column \"y\" has 2 rows, and the first column 3"));
  Texts texts({"ab", "cd"});
  texts.offsets[1] = 5;
  CHECK(!csv_of(ColumnTable{{{"x", {texts.cells()}}}}));
  texts.offsets[1] = -1;
  CHECK(!csv_of(ColumnTable{{{"x", {texts.cells()}}}}));
}

TEST_CASE("columns: a table has the kinds of its CSV file, whatever dialect is declared",
          "[tabular]") {
  const std::vector<std::int64_t> ages = {40, 41, 42};
  const std::vector<double> heights = {1.5, 1.75, 1.8};
  const Texts wards({"north, old", "south", "south"});
  const ColumnTable columns{{{"age", {cells_of(CellType::kInt64, ages)}},
                             {"height", {cells_of(CellType::kFloat64, heights)}},
                             {"ward", {wards.cells()}}}};
  const auto expected =
      parse_csv("age,height,ward\n40,1.5,\"north, old\"\n41,1.75,south\n42,1.8,south\n", "rows");
  REQUIRE(expected);
  const std::string text;
  const std::filesystem::path data;
  for (const auto& dialect : {Dialect{}, Dialect{.delimiter = ';', .decimal = ','}}) {
    const auto table = read_table({data, text, columns}, "rows", {.dialect = dialect});
    REQUIRE(table);
    CHECK(write_csv(*table, TextCells::kRaw) == write_csv(*expected, TextCells::kRaw));
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      CHECK(table->columns[i].kind == expected->columns[i].kind);
      CHECK(table->columns[i].precision == expected->columns[i].precision);
    }
    const auto texts = read_text_table({data, text, columns}, "rows", {.dialect = dialect});
    REQUIRE(texts);
    CHECK(texts->columns[1].categories == std::vector<std::string>{"1.5", "1.75", "1.8"});
    CHECK(texts->columns[2].categories == std::vector<std::string>{"north, old", "south"});
  }
}
