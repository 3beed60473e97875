#include "common/method/server_method.hpp"

#include <utility>

#include "common/crypto/digest.hpp"

namespace genesis::method {

Document make_document(std::string name, std::string bytes) {
  auto sha256 = crypto::sha256_hex(bytes);
  return {
      std::move(name), std::make_shared<const std::string>(std::move(bytes)), std::move(sha256)};
}

}  // namespace genesis::method
