{{- /* RELEASE-operator: the name of namespaced objects. */}}
{{- define "genesis.name" -}}
{{ printf "%s-operator" (.Release.Name | trunc 50 | trimSuffix "-") }}
{{- end }}

{{- /* NAMESPACE-RELEASE: how names of cluster-wide objects begin, so that releases of one name in two namespaces differ. */}}
{{- define "genesis.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace .Release.Name }}
{{- end }}

{{- define "genesis.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "genesis.name" .) }}
{{- end }}

{{- define "genesis.selector" -}}
app.kubernetes.io/name: genesis-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "genesis.labels" -}}
{{ include "genesis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Reference of an image: (list $ "operator"). */}}
{{- define "genesis.image" -}}
{{- $images := (index . 0).Values.images -}}
{{- $image := index $images (index . 1) -}}
{{- $images.registry }}/{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $images.tag }}{{ end }}
{{- end }}

{{- /* JSON list of the watched namespaces; empty where all are watched. */}}
{{- define "genesis.namespaces" -}}
{{- if .Values.watchAnyNamespace }}[]{{ else }}{{ .Values.watchNamespaces | default (list .Release.Namespace) | uniq | toJson }}{{ end }}
{{- end }}

{{- define "genesis.rules" -}}
- apiGroups: [federated.genesis.dev]
  resources: [federatedtrainings]
  verbs: [list, watch]
- apiGroups: [federated.genesis.dev]
  resources: [federatedtrainings/status]
  verbs: [patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, get, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]  # patch: what somebody else has changed is put back
  verbs: [list, watch, get, create, patch, delete]
- apiGroups: [""]
  resources: [services, persistentvolumeclaims]  # patch: likewise, and output.existingClaim
  verbs: [list, watch, get, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]  # patch: NAME-deny follows spec.security.deny
  verbs: [list, watch, get, create, patch, delete]
- apiGroups: [""]
  resources: [secrets]  # patch: certificates are renewed
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}
