-- How Argo CD is to judge a FederatedTraining. In the ConfigMap argocd-cm this text is the value of
-- resource.customizations.health.federated.genesis.dev_FederatedTraining (docs/kubernetes.md).
local health = {status = "Progressing", message = "the operator has not seen it yet"}
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= nil
    and obj.status.observedGeneration < obj.metadata.generation then
  health.message = "the operator has not seen the latest change yet"
  return health
end
local by_type = {}
for _, condition in ipairs(obj.status.conditions) do
  by_type[condition.type] = condition
end
local function holds(type)
  return by_type[type] ~= nil and by_type[type].status == "True"
end
local function judge(status, type)
  health.status = status
  health.message = by_type[type].reason .. ": " .. by_type[type].message
end
if holds("Stalled") then
  judge("Degraded", "Stalled")
elseif holds("Ready") then
  judge("Healthy", "Ready")
elseif holds("Suspended") then
  judge("Suspended", "Suspended")
elseif holds("Degraded") then
  judge("Progressing", "Degraded")
elseif by_type["Progressing"] ~= nil then
  judge("Progressing", "Progressing")
end
return health
