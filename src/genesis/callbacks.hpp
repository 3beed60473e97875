#pragma once
// What server, client and synthesizer tell the program that embeds them. Callbacks run on the
// thread that runs the training and hold it up while they run; they must not throw, nor call back
// into the object that calls them, except for stop().
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace genesis {

/// One client's local training in one round.
struct TrainMetrics {
  std::string client;
  std::uint32_t round = 0;  // from 1
  std::uint64_t rows = 0;   // of the client's table
  /// The method's numbers by name. Of ctgan: generator_loss and discriminator_loss (means over the
  /// round's steps), update_norm (Euclidean), steps, step_seconds (mean), train_seconds. Of
  /// autoregressive: training_loss (nats a row) in place of the two losses.
  std::map<std::string, double> telemetry;
};

/// A closed round.
struct RoundMetrics {
  /// The clients' numbers by name: means over those whose updates went into the round, by rows.
  std::map<std::string, double> telemetry;
  std::uint32_t total_rounds = 0;
};

/// State that is on disk: a restart goes on after `round`.
struct SavedCheckpoint {
  std::uint32_t round = 0;  // 0: the encoder is agreed, no round is closed yet
  std::filesystem::path path;
};

/// The released model: the bytes of model.safetensors.
struct TrainedModel {
  std::string bytes;
  std::string sha256;          // of `bytes`, hex
  std::filesystem::path path;  // where it was written; empty where it was not
};

/// (round, metrics, n_clients): after each closed round, in order.
using RoundCallback = std::function<void(std::uint32_t, const RoundMetrics&, std::size_t)>;
/// After each local training: at the client its own, at the server each client's whose update was
/// folded.
using MetricsCallback = std::function<void(const TrainMetrics&)>;
/// After each checkpoint that is durable. Not called where none could be written.
using CheckpointCallback = std::function<void(const SavedCheckpoint&)>;
/// Once, when the training is complete.
using ModelCallback = std::function<void(const TrainedModel&)>;

}  // namespace genesis
