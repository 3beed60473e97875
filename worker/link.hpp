#pragma once
// The way from a site to the aggregator, as far as an answer needs it: over HTTPS (worker/client),
// in memory (the simulation), or misbehaving (tests).
#include <string>

#include "common/base/error.hpp"
#include "common/rounds/contribution.hpp"
#include "common/wire/messages.hpp"

namespace genesis::worker {

class Link {
 public:
  virtual ~Link() = default;

  /// The bytes of a document that a task names, as they were sent: the site checks them. Errors:
  /// kConflict or kFailedPrecondition where the collection is not open any more.
  [[nodiscard]] virtual Result<std::string> fetch(CollectionId collection,
                                                  const wire::DocumentName& document) = 0;

  /// Sends a contribution; the same one again does no harm. Errors: kConflict or
  /// kFailedPrecondition where it is not awaited any more, kInvalidArgument where it is refused.
  [[nodiscard]] virtual Status send(const rounds::Contribution& contribution) = 0;
};

}  // namespace genesis::worker
