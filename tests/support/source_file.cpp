#include "tests/support/source_file.hpp"

std::string source_file(const std::string& path) {
  return GENESIS_SOURCE_DIR "/" + path;
}
