#pragma once
// A folder of a test's own, gone with it.
#include <filesystem>
#include <string>

#include <unistd.h>

#include "common/base/file.hpp"
#include "tests/support/catch.hpp"

namespace genesis::tls::test {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "genesis-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
  void write(const char* name, const std::string& text) const {
    REQUIRE(write_file_atomic(path_ / name, text));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace genesis::tls::test
