#include "common/spec/parse.hpp"

#include "common/spec/crd.hpp"
#include "common/spec/fields.hpp"
#include "common/spec/overrides.hpp"
#include "common/spec/text.hpp"
#include "common/spec/validate.hpp"
#include "common/spec/yaml.hpp"

namespace genesis::spec {
namespace {

// Something else than a FederatedTraining is said to be that, instead of all of its fields unknown.
Status check_is_training(const Json& document, std::string_view source) {
  if (!document.is_object()) {
    return fail(Errc::kInvalidArgument,
                std::string(source) + ": expected a FederatedTraining, got " +
                    (document.is_null() ? "nothing" : describe(document)));
  }
  Findings findings;
  for (const auto* const name : {"apiVersion", "kind"}) {
    Json value = document.value(name, Json());
    if (!value.is_null()) {
      validate(*document_schema().property(name), value, name, findings);
    }
  }
  return findings.empty() ? Status{} : fail(Errc::kInvalidArgument, to_text(std::move(findings)));
}

}  // namespace

Result<FederatedTraining> parse(std::string_view text,
                                std::string_view source,
                                std::span<const Override> overrides) {
  GENESIS_ASSIGN(auto document, read_yaml(text, source));
  GENESIS_RETURN_IF_ERROR(check_is_training(document, source));
  document.erase("status");  // what the cluster adds to a document is no part of the order
  Findings findings;
  apply_overrides(document_schema(), overrides, document, findings);
  apply_defaults(document_schema(), document);
  validate(document_schema(), document, "", findings);
  if (!findings.empty()) {
    return fail(Errc::kInvalidArgument, to_text(std::move(findings)));
  }
  return from_json(document);
}

}  // namespace genesis::spec
