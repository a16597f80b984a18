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

{{/* What the webhook configurations have in common, but for the path and the timeout. */}}
{{- define "meshcheck.webhook" -}}
admissionReviewVersions:
  - v1
matchPolicy: Equivalent
sideEffects: None
# By namespace alone: a label on the object that lets it pass would let anybody pass.
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        - kube-system
        - kube-public
        - kube-node-lease
        - {{ .Release.Namespace }}
        {{- range without .Values.webhooks.excludedNamespaces "kube-system" "kube-public" "kube-node-lease" .Release.Namespace | uniq }}
        - {{ . | quote }}
        {{- end }}
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
