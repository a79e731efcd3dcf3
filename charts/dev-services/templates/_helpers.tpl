{{/* The labels of everything that belongs to one of the services; call with (dict "root" $ "name" "dev-kafka"). */}}
{{- define "dev-services.labels" -}}
{{ include "dev-services.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Without the chart's version: a new one shall not replace pods that lose what they hold. */}}
{{- define "dev-services.podLabels" -}}
{{ include "dev-services.selector" . }}
app.kubernetes.io/part-of: dev-services
{{- end }}

{{- define "dev-services.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "dev-services.image" -}}
{{ .root.Values.image.registry }}/health-{{ .name }}:{{ .root.Values.image.tag }}
{{- end }}

{{/* What the pods have in common: nobody, without a token, as Pod Security's "restricted" wants it. */}}
{{- define "dev-services.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "dev-services.container" -}}
image: {{ include "dev-services.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
{{- end }}
