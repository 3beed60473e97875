#include "operator/observed.hpp"

#include <algorithm>

#include "common/base/check.hpp"

namespace genesis::control {
namespace {

std::size_t index_of(const k8s::Resource& kind) {
  const auto* const found = std::ranges::find(kChildKinds, kind);
  GENESIS_CHECK(found != kChildKinds.end(), "[operator] a child's kind is one of kChildKinds");
  return static_cast<std::size_t>(found - kChildKinds.begin());
}

}  // namespace

Children::ByName& Children::of(const k8s::Resource& kind) {
  return by_kind_[index_of(kind)];
}

const Children::ByName& Children::of(const k8s::Resource& kind) const {
  return by_kind_[index_of(kind)];
}

const Child* Children::find(const k8s::Resource& kind, const std::string& name) const {
  const auto& children = of(kind);
  const auto found = children.find(name);
  return found == children.end() ? nullptr : &found->second;
}

const JobState* Children::job(const std::string& name) const {
  const auto* const child = find(k8s::kJobs, name);
  return child != nullptr && child->is_ours && child->job ? &*child->job : nullptr;
}

const ServiceState* Children::service(const std::string& name) const {
  const auto* const child = find(k8s::kServices, name);
  return child != nullptr && child->is_ours && child->service ? &*child->service : nullptr;
}

bool is_managed_elsewhere(const Training& training) {
  return !training.managed_by.empty() && training.managed_by != kController;
}

void link_ends(std::vector<Pod>& pods) {
  std::map<std::string, std::optional<Termination>> ends;  // by Job
  for (auto& pod : pods) {
    auto& end = ends[pod.job];
    pod.before = end;
    if (pod.last && !pod.is_deleting) {
      end = pod.last;
    }
  }
}

const Pod* Children::newest_pod(std::string_view job) const {
  const auto newest =
      std::find_if(pods.rbegin(), pods.rend(), [&](const Pod& pod) { return pod.job == job; });
  return newest == pods.rend() ? nullptr : &*newest;
}

}  // namespace genesis::control
