{{- /*
The pod of one function, or of all, as a Deployment and as a Knative Service start it.
Context of all: dict root name (the component) function (its whole line, from web-viewer.functionWorkloads).
*/ -}}

{{- /* Labels of the pods beside the component's: NetworkPolicies and the metrics select by them. */ -}}
{{- define "web-viewer.function.podLabels" -}}
{{ include "web-viewer.selector" (dict "root" .root "component" .name) }}
web-viewer/tier: function
{{- range .function.reaches }}
web-viewer/reaches-{{ . }}: "true"
{{- end }}
{{- if not .function.knative }}
web-viewer/metrics: "true"
{{- end }}
{{- end -}}

{{- define "web-viewer.function.env" -}}
- name: WEBVIEWER_FUNCTIONS
  value: {{ .function.serves | join "," }}
- name: WEBVIEWER_HOST
  value: 0.0.0.0
- name: WEBVIEWER_PORT
  value: "8090"
{{- if not .function.knative }}
- name: WEBVIEWER_INTERNAL_HOST # Knative's pods have one port: there it stays closed
  value: 0.0.0.0
{{- end }}
- name: WEBVIEWER_INTERNAL_PORT
  value: "8091"
- name: WEBVIEWER_SECURE_COOKIE
  value: {{ include "web-viewer.secureCookie" .root | quote }}
- name: WEBVIEWER_SESSION_IDLE_S
  value: {{ .root.Values.functions.sessionIdleS | int64 | quote }}
- name: WEBVIEWER_TRUSTED_PROXIES
  value: {{ .root.Values.functions.trustedProxies | toJson | quote }}
- name: WEBVIEWER_PROXY_COUNT # Nginx names the client and no other; Knative's activator and queue proxy append themselves
  value: {{ ternary "3" "1" .function.knative | quote }}
{{ include "web-viewer.env.common" .root }}
{{ include "web-viewer.env.token" .root }}
{{ include "web-viewer.env.database" (dict "root" .root "name" (include "web-viewer.controlDatabase" .root) "user" (include "web-viewer.controlUser" .root)) }}
{{- end -}}

{{- define "web-viewer.function.container" -}}
name: function
image: {{ include "web-viewer.image" (dict "root" .root "image" "functions") }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
command:
  {{- include "web-viewer.executable" "ControlNode" | nindent 2 }}
env:
  {{- include "web-viewer.function.env" . | nindent 2 }}
securityContext:
  {{- include "web-viewer.containerSecurity" .root | nindent 2 }}
resources:
  {{- toYaml .function.resources | nindent 2 }}
volumeMounts:
  {{- include "web-viewer.mounts" . | nindent 2 }}
{{- end -}}

{{- /* Knative takes no fsGroup: there the files are for all users of the container, of which there is one. */ -}}
{{- define "web-viewer.function.volumes" -}}
{{ include "web-viewer.volume.secrets" (dict "root" .root "secrets" (dict "internal-token" "internalToken" "database-password" "controlDatabase") "database" true "mode" (ternary "0444" "0440" .function.knative)) }}
{{ include "web-viewer.volume.tmp" .function.temporary }}
{{- end -}}
