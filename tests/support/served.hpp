#pragma once
// The documents of an ask, as a site gets them.
#include <map>
#include <string>
#include <string_view>

#include "common/method/server_method.hpp"
#include "common/method/site_method.hpp"

namespace genesis::method {

class Served final : public Documents {
 public:
  explicit Served(const Ask& ask) {
    for (const auto& document : ask.documents) {
      documents[document.name] = *document.bytes;
    }
  }
  Result<std::string> fetch(std::string_view name) override {
    const auto found = documents.find(std::string(name));
    return found == documents.end() ? fail(Errc::kNotFound, std::string(name))
                                    : Result<std::string>(found->second);
  }

  std::map<std::string, std::string> documents;  // by name
};

}  // namespace genesis::method
