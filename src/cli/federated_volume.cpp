#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/federated_fetch.hpp"
#include "cli/report.hpp"
#include "common/fetch/volume.hpp"

namespace genesis::cli {
namespace {

constexpr std::chrono::minutes kIdle{5};

Status write_out(std::string_view part) {
  std::cout.write(part.data(), static_cast<std::streamsize>(part.size()));
  if (!std::cout.flush()) {
    return fail(Errc::kIo, "stdout: cannot be written");
  }
  return {};
}

}  // namespace

int federated_volume(int argc, char** argv) {
  CLI::App app(
      "Lists and sends the files of a training's claim. genesis fetch runs this in the pod that "
      "it\n"
      "makes.",
      "genesis federated volume");
  app.require_subcommand(1);
  std::filesystem::path folder = "/model";
  std::string name;
  std::uint64_t offset = 0;
  auto* hold = app.add_subcommand("hold", "Wait until nobody has asked for anything for 5 minutes");
  auto* list = app.add_subcommand("list", "Print the files, their sizes and SHA-256 as JSON");
  auto* send = app.add_subcommand("send", "Write a file to stdout");
  for (auto* const command : {list, send}) {
    command->add_option("--folder", folder, "Folder of the files")->capture_default_str();
  }
  send->add_option("name", name, "Name of the file")->required();
  send->add_option("offset", offset, "Bytes to leave out at its beginning")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsageError;
  }
  if (hold->parsed()) {
    fetch::hold(kIdle);
    return 0;
  }
  Status done;
  if (list->parsed()) {
    const auto files = fetch::list_files(folder);
    done = files ? write_out(fetch::encode(*files) + "\n") : tl::unexpected(files.error());
  } else {
    done = fetch::send_file(folder, name, offset, write_out);
  }
  return done ? 0 : complain("federated volume", done.error());
}

}  // namespace genesis::cli
