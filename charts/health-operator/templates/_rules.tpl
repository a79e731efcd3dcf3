{{- /* What the operator may do with pipelines and with what it makes for them, in the namespaces that it looks after.
       It reads no Secret: what a component needs of one, the kubelet gives it. No verb is here that it does not use:
       server-side apply asks for create and patch. */}}
{{- define "health-operator.rules" -}}
- apiGroups: [health-streaming.com]
  resources: [healthpipelines]
  verbs: [get, list, watch, patch]
- apiGroups: [health-streaming.com]
  resources: [healthpipelines/status]
  verbs: [patch]
# Some clusters ask this of whoever makes an object that a pipeline owns and waits for.
- apiGroups: [health-streaming.com]
  resources: [healthpipelines/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [events]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: &child [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: *child
- apiGroups: [batch]
  resources: [jobs]
  verbs: *child
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *child
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: *child
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings]
  verbs: *child
# The one role that those bindings may give, and nobody gets more by them than is in it.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles]
  resourceNames: [health-spark-driver]
  verbs: [bind]
- apiGroups: [sparkoperator.k8s.io]
  resources: [sparkapplications, scheduledsparkapplications]
  verbs: *child
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas, kafkanodepools, kafkatopics, kafkausers]
  verbs: *child
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: *child
{{- end }}
