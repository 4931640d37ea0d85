{{- /*
What pods have in common: security, placement, environment, secrets, volumes.
*/ -}}

{{- /* Security of a pod. Context: root. */ -}}
{{- define "web-viewer.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.security.userId | int64 }}
runAsGroup: {{ .Values.security.groupId | int64 }}
fsGroup: {{ .Values.security.groupId | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* Security of a container; whole, because Knative takes none for a pod. Context: root. */ -}}
{{- define "web-viewer.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: {{ .Values.security.userId | int64 }}
runAsGroup: {{ .Values.security.groupId | int64 }}
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /*
The head of a pod's spec: no token of the API server, no variables of other Services (a Service "webviewer" would set
WEBVIEWER_PORT), who pulls images. Context: dict root, and apiToken (true) for one that calls the API server.
*/ -}}
{{- define "web-viewer.podHead" -}}
automountServiceAccountToken: {{ .apiToken | default false }}
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Where a pod runs. Context: dict root component settings (with nodeSelector, tolerations, priorityClassName). */ -}}
{{- define "web-viewer.placement" -}}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .root.Values.spread.topologyKey }}
    whenUnsatisfiable: {{ .root.Values.spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "web-viewer.selector" . | nindent 8 }}
    {{- if ne .component "storage-node" }}
    matchLabelKeys: [pod-template-hash] # those of a new version by themselves: the old ones go anyway
    {{- end }}
{{- end -}}

{{- /* The environment of all our processes. Context: root. */ -}}
{{- define "web-viewer.env.common" -}}
- name: HOME
  value: /tmp
- name: WEBVIEWER_LOG_FILE # the console is the log: there is no other place that lasts or may be written
  value: /dev/null
- name: WEBVIEWER_LOG_TO_CONSOLE
  value: "true"
- name: WEBVIEWER_LOG_LEVEL
  value: {{ .Values.log.level }}
- name: WEBVIEWER_LOG_HIGH_PRECISION_TIME
  value: {{ .Values.log.highPrecisionTime | quote }}
{{- end -}}

{{- /* The join secret. Context: root. */ -}}
{{- define "web-viewer.env.token" -}}
- name: WEBVIEWER_INTERNAL_TOKEN_FILE
  value: /run/secrets/web-viewer/internal-token
{{- end -}}

{{- /* How a database is reached. Context: dict root user name (the database's), and file of the password's other name. */ -}}
{{- define "web-viewer.env.database" -}}
- name: WEBVIEWER_DATABASE_DRIVER
  value: QPSQL
- name: WEBVIEWER_DATABASE_HOST
  value: {{ include "web-viewer.databaseHost" .root }}
- name: WEBVIEWER_DATABASE_PORT
  value: {{ ternary 5432 .root.Values.database.port (eq (include "web-viewer.trial" .root) "true") | quote }}
- name: WEBVIEWER_DATABASE_NAME
  value: {{ .name | quote }}
- name: WEBVIEWER_DATABASE_USER
  value: {{ .user | quote }}
- name: WEBVIEWER_DATABASE_PASSWORD_FILE
  value: /run/secrets/web-viewer/{{ .file | default "database-password" }}
- name: PGSSLMODE # libpq reads these two itself
  value: {{ .root.Values.database.tls.mode }}
{{- if .root.Values.database.tls.caSecret }}
- name: PGSSLROOTCERT
  value: /run/secrets/web-viewer/database-ca.crt
{{- end }}
{{- end -}}

{{- /*
The volume "secrets": one file for each secret that the pod needs.
Context: dict root secrets (dict of file name: key of .Values.secrets) database (true: the authority too) mode.
*/ -}}
{{- define "web-viewer.volume.secrets" -}}
- name: secrets
  projected:
    defaultMode: {{ .mode | default "0440" }}
    sources:
      {{- range $file, $secret := .secrets }}
      {{- $one := index $.root.Values.secrets $secret }}
      - secret:
          name: {{ $one.name }}
          items:
            - key: {{ $one.key }}
              path: {{ $file }}
      {{- end }}
      {{- if and .database .root.Values.database.tls.caSecret }}
      - secret:
          name: {{ .root.Values.database.tls.caSecret }}
          items:
            - key: {{ .root.Values.database.tls.caKey }}
              path: database-ca.crt
      {{- end }}
{{- end -}}

{{- /* The volume "tmp": all that a process may write beside its data. Context: size. */ -}}
{{- define "web-viewer.volume.tmp" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ . }}
{{- end -}}

{{- /* The mounts of these two. */ -}}
{{- define "web-viewer.mounts" -}}
- name: secrets
  mountPath: /run/secrets/web-viewer
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- /*
An init container that waits until the database is one that this version works with. A database that will never be
(another program's tables, a newer version) ends it, so that `kubectl get pods` shows the trouble.
Context: dict root image executable user name resources (those of the pod's own container: the scheduler counts the larger
ones), and env (more variables, text).
*/ -}}
{{- define "web-viewer.waitForDatabase" -}}
- name: wait-for-database
  image: {{ include "web-viewer.image" . }}
  imagePullPolicy: {{ .root.Values.images.pullPolicy }}
  command: ["/bin/sh", "-c"]
  args:
    - {{ .root.Files.Get "files/wait-for-database.sh" | quote }}
    - wait-for-database
    {{- include "web-viewer.executable" .executable | nindent 4 }}
  env:
    {{- include "web-viewer.env.common" .root | nindent 4 }}
    {{- with .env }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- include "web-viewer.env.database" . | nindent 4 }}
  securityContext:
    {{- include "web-viewer.containerSecurity" .root | nindent 4 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    {{- include "web-viewer.mounts" . | nindent 4 }}
{{- end -}}

{{- /*
An executable and the configuration file of its image, which is empty: all that it would say comes by the environment.
Context: ControlNode or StorageNode.
*/ -}}
{{- define "web-viewer.executable" -}}
- {{ . }}
- -c
- /etc/web-viewer/{{ lower . }}config.json
{{- end -}}

{{- /* A PodDisruptionBudget. Context: dict root component. */ -}}
{{- define "web-viewer.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "web-viewer.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .root.Values.podDisruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "web-viewer.selector" . | nindent 6 }}
{{- end -}}
