{{- /* The render nodes' pods, as a label selector in text. Context: root. */ -}}
{{- define "web-viewer.controller.selector" -}}
app.kubernetes.io/name={{ include "web-viewer.name" . }},app.kubernetes.io/instance={{ .Release.Name }},app.kubernetes.io/component=render-node
{{- end -}}
