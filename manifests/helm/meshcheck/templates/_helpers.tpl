{{- define "meshcheck.selector" -}}
app.kubernetes.io/name: meshcheck-webhook
{{- end }}

{{- define "meshcheck.labels" -}}
app.kubernetes.io/part-of: meshcheck
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "meshcheck.image" -}}
{{- with .Values.image }}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a webhook has whatever its path: its manners, and what it is asked about, from `hook`. */}}
{{- define "meshcheck.webhook" -}}
{{- $excluded := .Values.webhooks.excludedNamespaces -}}
admissionReviewVersions:
  - v1
matchPolicy: Equivalent
sideEffects: None
namespaceSelector:
  matchExpressions:
    {{- if hasPrefix "unlabelled-config." .hook.name }}
    - key: kubernetes.io/metadata.name
      operator: In
      values:
        {{- .Values.webhooks.controlPlaneNamespaces | uniq | toYaml | nindent 8 }}
    {{- else }}
    {{- $excluded = concat (list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace) $excluded }}
    {{- end }}
    {{- with $excluded | uniq }}
    # By namespace alone: a label on the object that lets it pass would let anybody pass.
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        {{- toYaml . | nindent 8 }}
    {{- end }}
{{ omit .hook "name" | toYaml }}
{{- end }}

{{- define "meshcheck.clientConfig" -}}
service:
  name: meshcheck-webhook
  namespace: {{ .Release.Namespace }}
  path: {{ .path }}
  port: 443
{{- if and (eq .Values.certificates.source "secret") .Values.certificates.caBundle }}
caBundle: {{ .Values.certificates.caBundle | b64enc }}
{{- end }}
{{- end }}

{{/* cert-manager writes the CA into `caBundle`, and keeps it there. */}}
{{- define "meshcheck.inject" -}}
{{- if eq .Values.certificates.source "certManager" }}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/meshcheck-webhook
{{- end }}
{{- end }}
