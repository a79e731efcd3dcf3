{{- /* Names of the release's objects, short enough for suffixes of ours. */}}
{{- define "health-monitoring.name" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "health-monitoring.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: health-streaming
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with include "health-monitoring.additionalLabels" . | fromYaml }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Those of this chart, and those of the one that it is a part of. */}}
{{- define "health-monitoring.additionalLabels" -}}
{{- merge (dict) .Values.additionalLabels ((.Values.global).additionalLabels | default dict) | toYaml }}
{{- end }}
