#pragma once
// A method of a few lines, for tests alone: it proves that a second method needs no change in
// aggregator/, worker/, http/ and wire/. Everyone counts its rows once; then, for spec.rounds.count
// rounds, each site moves three shared numbers half of the way to numbers of its own, with a
// momentum that lives at the site and has to survive its restarts.
#include <memory>

#include "common/base/error.hpp"
#include "common/method/server_method.hpp"
#include "common/method/site_method.hpp"
#include "common/method/synthesizer.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/model_file.hpp"

namespace genesis::tally {

[[nodiscard]] Result<std::unique_ptr<method::ServerMethod>> make_server(
    const spec::FederatedTraining& training);
[[nodiscard]] Result<std::unique_ptr<method::SiteMethod>> make_site(method::SiteSetup setup);
[[nodiscard]] Result<std::unique_ptr<method::Synthesizer>> open_model(const wire::ModelFile& file);

}  // namespace genesis::tally
