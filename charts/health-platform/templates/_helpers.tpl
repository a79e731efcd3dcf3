{{- /* Names of the release's objects, short enough for suffixes of ours. */}}
{{- define "health-platform.name" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "health-platform.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: health-streaming
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* What selects the pod of Kafka UI. */}}
{{- define "health-platform.kafkaUi.selector" -}}
app.kubernetes.io/name: kafka-ui
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "health-platform.kafkaUi.labels" -}}
app.kubernetes.io/name: kafka-ui
{{ include "health-platform.labels" . }}
{{- end }}

{{- define "health-platform.kafkaUi.name" -}}
{{ include "health-platform.name" . }}-kafka-ui
{{- end }}

{{- define "health-platform.kafkaUi.namespace" -}}
{{ .Values.kafkaUi.namespace | default .Release.Namespace }}
{{- end }}

{{- /* Namespaces of ours that a part does not look after, as text; empty when it looks after all of them.
       In: root, "watched" (a list in which "" is every namespace). */}}
{{- define "health-platform.missed" -}}
{{- $ours := index .root.Values "health-operator" "watchNamespaces" | default (list "") }}
{{- $missed := list }}
{{- if not (has "" .watched) }}
{{- range $ours }}
{{- if not (has . $.watched) }}{{ $missed = append $missed (. | default "all others") }}{{ end }}
{{- end }}
{{- end }}
{{- $missed | join ", " }}
{{- end }}
