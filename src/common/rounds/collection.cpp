#include "common/rounds/collection.hpp"

namespace genesis::rounds {

std::string name_of(const Request& request) {
  return request.round.value == 0 ? request.purpose
                                  : "round " + std::to_string(request.round.value);
}

}  // namespace genesis::rounds
