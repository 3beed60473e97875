#pragma once
// From the cluster's objects to what plan() reads, and what the informers keep of each. Pure; an
// object may have any shape, what is missing is empty.
#include <string_view>

#include "common/k8s/json.hpp"
#include "operator/observed.hpp"

namespace genesis::control {

/// Of a FederatedTraining. A spec that does not parse is `invalid`, not an error.
[[nodiscard]] Training training_from(const Json& object);
/// `owner` is the uid of the training.
[[nodiscard]] Child child_from(const Json& object, std::string_view owner);
[[nodiscard]] Job job_from(const Json& object, std::string_view owner);
[[nodiscard]] ServiceState service_from(const Json& object, std::string_view owner);
[[nodiscard]] Pod pod_from(const Json& object);

// What informers keep: thousands of objects are held, few of their fields are read.
void keep_training(Json& object);
void keep_metadata(Json& object);
void keep_job(Json& object);
void keep_service(Json& object);
void keep_pod(Json& object);

}  // namespace genesis::control
