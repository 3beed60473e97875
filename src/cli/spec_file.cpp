#include "cli/spec_file.hpp"

#include <filesystem>

#include <CLI/CLI.hpp>

#include "common/base/file.hpp"
#include "common/command_line/flags.hpp"

namespace genesis::cli {

void add_spec(CLI::App& command, SpecSource& source) {
  command.add_option("-f,--file", source.file, "FederatedTraining spec, YAML")->required();
  command_line::add_set(command, source.overrides);
}

void add_lenient(CLI::App& command, SpecSource& source) {
  command.add_flag_callback(
      "--lenient",
      [&source] {
        source.overrides.push_back({"table.lenient", "true"});
      },
      "Read a column as text that is almost one of numbers or dates, instead of stopping");
}

Result<spec::FederatedTraining> load_training(const SpecSource& source) {
  const std::filesystem::path file(source.file);
  GENESIS_ASSIGN(const auto text, read_file(file, spec::kMaxSpecBytes));
  GENESIS_ASSIGN(auto training, spec::parse(text, source.file, source.overrides));
  for (auto& participant : training.participants) {
    if (participant.data_path && std::filesystem::path(*participant.data_path).is_relative()) {
      const auto beside = std::filesystem::absolute(file).parent_path() / *participant.data_path;
      participant.data_path = beside.lexically_normal().string();
    }
  }
  return training;
}

}  // namespace genesis::cli
