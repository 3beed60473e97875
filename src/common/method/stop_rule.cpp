#include "common/method/stop_rule.hpp"

#include <nlohmann/json.hpp>

#include "common/base/fields.hpp"
#include "common/base/json.hpp"

namespace genesis::method {

void StopRule::note(const std::map<ClientId, HoldoutLoss>& losses) {
  double all = 0.0;
  double waiting = 0.0;  // for nothing any more
  for (const auto& [id, said] : losses) {
    const auto [site, is_new] = sites_.try_emplace(id, Progress{said.loss, 0});
    auto& [best, waited] = site->second;
    if (said.loss < best - min_improvement_) {
      best = said.loss;
      waited = 0;
    } else if (!is_new) {
      ++waited;
    }
    const auto weight = static_cast<double>(said.weight);
    all += weight;
    waiting += waited >= patience_ ? weight : 0.0;
  }
  is_met_ = waiting > all / 2.0;
}

std::string StopRule::reason() const {
  return "the rounds end here, as the model has become no better on held-out rows for " +
         std::to_string(patience_) + " rounds (rounds.stopCondition)";
}

std::string StopRule::state() const {
  auto sites = nlohmann::json::array();
  for (const auto& [id, progress] : sites_) {
    sites.push_back({{"client", id.str()}, {"best", progress.best}, {"waited", progress.waited}});
  }
  return dump_json({{"met", is_met_}, {"sites", std::move(sites)}});
}

Status StopRule::restore(std::string_view state) {
  GENESIS_ASSIGN(const auto json, parse_json(state));
  GENESIS_ASSIGN(const auto fields, Fields::of(json.root(), "stop condition"));
  GENESIS_ASSIGN(is_met_, fields.boolean("met"));
  GENESIS_ASSIGN(const auto sites, fields.objects("sites"));
  sites_.clear();
  for (const auto& site : sites) {
    GENESIS_ASSIGN(auto id, site.client("client"));
    GENESIS_ASSIGN(const double best, site.number("best"));
    GENESIS_ASSIGN(const auto waited, site.count("waited"));
    sites_[std::move(id)] = {best, waited};
  }
  return {};
}

}  // namespace genesis::method
