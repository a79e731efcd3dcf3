{{- /* Names of the release's objects, short enough for suffixes of ours. */}}
{{- define "health-operator.name" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "health-operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "health-operator.name" .) }}
{{- end }}

{{- /* What selects the operator's pods. */}}
{{- define "health-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "health-operator.labels" -}}
{{ include "health-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: health-streaming
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Names of Secrets to pull with, as JSON: those of this chart and of the one that it is a part of. */}}
{{- define "health-operator.pullSecrets" -}}
{{- concat .Values.images.pullSecrets ((.Values.global).imagePullSecrets | default list) | uniq | toJson }}
{{- end }}

{{- /* Labels of PodMonitors: those of this chart and of the one that it is a part of. */}}
{{- define "health-operator.monitorLabels" -}}
{{- merge (dict) .Values.metrics.podMonitor.labels ((.Values.global).additionalLabels | default dict) | toYaml }}
{{- end }}

{{- /* Labels of pipelines' dashboards: those of this chart and of the one that it is a part of. */}}
{{- define "health-operator.dashboardLabels" -}}
{{- merge (dict) .Values.dashboards.labels ((.Values.global).additionalLabels | default dict) | toYaml }}
{{- end }}

{{- /* The operator's own image. */}}
{{- define "health-operator.image" -}}
{{- with .Values.images -}}
{{ .registry }}/health-operator{{ with .digests.operator }}@{{ . }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* health_operator.settings.Platform: what the children of every pipeline are made with. */}}
{{- define "health-operator.platform" -}}
{{- $images := dict }}
{{- range $name, $digest := .Values.images.digests }}
{{- $_ := set $images $name (printf "%s/health-%s@%s" $.Values.images.registry $name $digest) }}
{{- end }}
{{- dict
  "registry" .Values.images.registry
  "tag" (.Values.images.tag | default .Chart.AppVersion)
  "images" $images
  "pull_policy" .Values.images.pullPolicy
  "pull_secrets" (include "health-operator.pullSecrets" . | fromJsonArray)
  "monitor_labels" (include "health-operator.monitorLabels" . | fromYaml)
  "dashboard_labels" (include "health-operator.dashboardLabels" . | fromYaml)
  "dashboard_folder" .Values.dashboards.folder
  "spark_service_account" .Values.spark.serviceAccount
  "stand_ins" (dict "kafka" .Values.standIns.kafka "aws" .Values.standIns.aws)
  | toJson }}
{{- end }}

{{- /* Pod Security "restricted", and a file system that cannot be written to. */}}
{{- define "health-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "health-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
