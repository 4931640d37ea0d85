{{- /* The security of this image's own user, in the shape of a root, as JSON. Context: root. */ -}}
{{- define "web-viewer.postgresql.root" -}}
{{- $user := .Values.postgresql.userId -}}
{{- dict "Values" (dict "security" (dict "userId" $user "groupId" $user)) | toJson -}}
{{- end -}}
