#pragma once
// `genesis run`: a whole training on this machine, as processes over TLS or simulated in this one.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/spec/federated_training.hpp"
#include "common/wire/messages.hpp"
#include "genesis/site_files.hpp"

namespace genesis::cli {

/// Whether what is in the output folder goes on, or is cleared first.
enum class Start { kAnew, kResume };

/// Port of the aggregator's metrics listener, where one is asked for.
using MetricsPort = std::optional<std::uint16_t>;

using Progress = std::function<void(const wire::StatusReport&)>;

/// Trains as one aggregator process and one worker process per participant, over TLS 1.3 with
/// certificates made on the spot, on 127.0.0.1; the model is written to `output`/model.safetensors,
/// logs to `output`/logs. Errors: the first that a process gave, with its name.
[[nodiscard]] Status run_processes(const spec::FederatedTraining& training,
                                   const std::filesystem::path& output,
                                   Start start,
                                   MetricsPort metrics_port,
                                   const SiteFiles& files,
                                   const Progress& progress);

}  // namespace genesis::cli
