#include "cli/evaluation.hpp"

#include <filesystem>

#include "cli/site_tables.hpp"
#include "common/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace genesis;
namespace fs = std::filesystem;

namespace {

// A training whose sites' rows lie in a folder of the test.
class Sites {
 public:
  fs::path file(const std::string& name, const std::string& rows) const {
    const auto path = folder_ / name;
    REQUIRE(write_file_atomic(path, rows));
    return path;
  }
  Sites& with(const std::string& name, const std::string& rows) {
    spec::Participant site;
    site.name = name;
    site.data_path = file(name + ".csv", rows).string();
    training_.participants.push_back(site);
    return *this;
  }
  [[nodiscard]] const spec::FederatedTraining& training() const { return training_; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }

 private:
  TemporaryFolder folder_;
  spec::FederatedTraining training_;
};

Result<tabular::Table> pooled_rows(const spec::FederatedTraining& training) {
  GENESIS_ASSIGN(const auto sites, cli::read_sites(training));
  return cli::pooled(training, sites);
}

}  // namespace

TEST_CASE("cli: rows of all sites are one table, whatever the order of their columns", "[cli]") {
  Sites sites;
  sites.with("a", "age,group\n31,x\n32,y\n").with("b", "group,age\nz,33.5\n");
  const auto pooled = pooled_rows(sites.training());
  REQUIRE(pooled);
  CHECK(pooled->rows == 3);
  REQUIRE(pooled->columns.size() == 2);
  CHECK(pooled->columns[0].name == "age");
  CHECK(pooled->columns[0].kind == tabular::Kind::kDecimal);
  CHECK(pooled->columns[0].numbers == std::vector<double>{31, 32, 33.5});
  CHECK(pooled->columns[1].name == "group");
  CHECK(pooled->columns[1].categories == std::vector<std::string>{"x", "y", "z"});
}

TEST_CASE("cli: pooled rows are written to no file", "[cli]") {
  Sites sites;
  sites.with("a", "age,group\n31,x\n").with("b", "age,group\n32,y\n");
  REQUIRE(pooled_rows(sites.training()));
  CHECK(sites.files() == 2);
}

TEST_CASE("cli: a site whose columns are others is named", "[cli]") {
  const auto message = [](const char* rows) {
    Sites sites;
    sites.with("a", "age,group\n31,x\n").with("b", rows);
    const auto pooled = pooled_rows(sites.training());
    REQUIRE_FALSE(pooled);
    return pooled.error().message;
  };
  CHECK_THAT(message("age\n32\n"),
             ContainsSubstring("column 'group' of client 'a' is missing at client 'b'"));
  CHECK_THAT(message("age,group,sex\n32,y,f\n"),
             ContainsSubstring("column 'sex' of client 'b' is missing at client 'a'"));
}

TEST_CASE("cli: files are compared with a holdout or without", "[cli]") {
  Sites sites;
  std::string rows = "age,group\n";
  for (int i = 0; i < 60; ++i) {
    rows += std::to_string(20 + i % 40) + "," + std::string(1, "abc"[i % 3]) + "\n";
  }
  sites.with("a", rows);
  const auto real = pooled_rows(sites.training());
  REQUIRE(real);
  const auto same = sites.file("same.csv", rows);
  const auto without = cli::evaluate_files(*real, same, "", {});
  REQUIRE(without);
  CHECK_THAT(without->overall, WithinAbs(1.0, 1e-9));
  CHECK_FALSE(without->holdout_rows);
  const auto with = cli::evaluate_files(*real, same, same, {});
  REQUIRE(with);
  CHECK(with->holdout_rows == 60);
  CHECK_FALSE(cli::evaluate_files(*real, sites.file("other.csv", "x\n1\n"), "", {}));
}
