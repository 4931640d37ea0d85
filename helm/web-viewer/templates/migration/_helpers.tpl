{{- /*
With the PostgreSQL of this chart the migration cannot be a hook: before an install there is no server, and after it
`helm install --wait` would wait for pods that wait for the migration. An ordinary Job then carries the hash of what it
does in its name, since a Job cannot be changed.
*/ -}}

{{- /* Annotations of a hook, or nothing. Context: dict root weight. */ -}}
{{- define "web-viewer.migration.hook" -}}
{{- if not (include "web-viewer.trial" .root) }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end -}}

{{- /* One step: the container of one database. Context: dict root name image executable database user secret. */ -}}
{{- define "web-viewer.migration.step" -}}
- name: {{ .name }}
  image: {{ include "web-viewer.image" . }}
  imagePullPolicy: {{ .root.Values.images.pullPolicy }}
  command: ["/bin/sh", "-c"]
  args:
    - {{ .root.Files.Get "files/migrate-database.sh" | quote }}
    - migrate-database
    {{- include "web-viewer.executable" .executable | nindent 4 }}
  env:
    {{- include "web-viewer.env.common" .root | nindent 4 }}
    {{- include "web-viewer.env.database" (dict "root" .root "name" .database "user" .user "file" .secret) | nindent 4 }}
    {{- if include "web-viewer.master" .root }}
    - name: MASTER_USER
      value: {{ .root.Values.database.master.user | quote }}
    - name: MASTER_DATABASE
      value: {{ .root.Values.database.master.database | quote }}
    - name: WEBVIEWER_MASTER_DB_PASSWORD_FILE
      value: /run/secrets/web-viewer/master-password
    {{- end }}
  securityContext:
    {{- include "web-viewer.containerSecurity" .root | nindent 4 }}
  resources:
    {{- toYaml .root.Values.migration.resources | nindent 4 }}
  volumeMounts:
    {{- include "web-viewer.mounts" . | nindent 4 }}
{{- end -}}

{{- /* The pod: the control node's database, then each storage node's, one after another. Context: root. */ -}}
{{- define "web-viewer.migration.pod" -}}
{{- $secrets := dict "control-password" "controlDatabase" "storage-password" "storageDatabase" -}}
{{- if include "web-viewer.master" . -}}
{{- $_ := set $secrets "master-password" "masterDatabase" -}}
{{- end -}}
{{- $last := sub (int .Values.storage.replicas) 1 | int -}}
metadata:
  labels:
    {{- include "web-viewer.selector" (dict "root" . "component" "migration") | nindent 4 }}
spec:
  {{- include "web-viewer.podHead" (dict "root" .) | nindent 2 }}
  restartPolicy: Never
  securityContext:
    {{- include "web-viewer.podSecurity" . | nindent 4 }}
  initContainers:
    {{- include "web-viewer.migration.step" (dict "root" . "name" "control" "image" "functions" "executable" "ControlNode" "database" (include "web-viewer.controlDatabase" .) "user" (include "web-viewer.controlUser" .) "secret" "control-password") | nindent 4 }}
    {{- range $number := until $last }}
    {{- include "web-viewer.migration.storage" (dict "root" $ "number" $number) | nindent 4 }}
    {{- end }}
  containers:
    {{- include "web-viewer.migration.storage" (dict "root" . "number" $last) | nindent 4 }}
  volumes:
    {{- include "web-viewer.volume.secrets" (dict "root" . "secrets" $secrets "database" true) | nindent 4 }}
    {{- include "web-viewer.volume.tmp" "64Mi" | nindent 4 }}
{{- end -}}

{{- /* The step of a storage node's database. Context: dict root number. */ -}}
{{- define "web-viewer.migration.storage" -}}
{{- include "web-viewer.migration.step" (dict "root" .root "name" (printf "storage-%d" .number) "image" "gateway" "executable" "StorageNode" "database" (printf "%s-storage-node-%d" (include "web-viewer.fullname" .root) .number) "user" (include "web-viewer.storageUser" .root) "secret" "storage-password") -}}
{{- end -}}
