{{- /*
Names, addresses and labels. Every object's name is the full name and, but for Nginx, its component:
files/nginx.conf and the nodes' own addresses are made of the same ones.
*/ -}}

{{- /* The chart's name in labels. Context: root. */ -}}
{{- define "web-viewer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 38 | trimSuffix "-" -}}
{{- end -}}

{{- /* The common part of all names: short enough that a StatefulSet may be called so (52). Context: root. */ -}}
{{- define "web-viewer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "web-viewer.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 38 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What all our pods share, and no pod of another release has. Context: root. */ -}}
{{- define "web-viewer.selectorOfAll" -}}
app.kubernetes.io/name: {{ include "web-viewer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* What selects the pods of a component; never changes between versions. Context: dict root component. */ -}}
{{- define "web-viewer.selector" -}}
{{ include "web-viewer.selectorOfAll" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* The labels of an object. Context: dict root component. */ -}}
{{- define "web-viewer.labels" -}}
{{ include "web-viewer.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "web-viewer.name" .root }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Name and labels of an object. Context: dict root component, and suffix where the name is not the component's. */ -}}
{{- define "web-viewer.metadata" -}}
name: {{ include "web-viewer.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "web-viewer.labels" . | nindent 2 }}
{{- end -}}

{{- /* The component whose pods serve a function: in the mode single all functions have the same. Context: dict root name. */ -}}
{{- define "web-viewer.componentOf" -}}
{{- ternary "functions" .name (eq .root.Values.functions.mode "single") -}}
{{- end -}}

{{- /* The internal HTTP of the control node, where nodes register. Context: root. */ -}}
{{- define "web-viewer.controlUrl" -}}
http://{{ include "web-viewer.fullname" . }}-nodes.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:8091
{{- end -}}

{{- /*
"true" for a trial system, whose PostgreSQL is this chart's own: postgresql.enabled says so, or, where it says nothing, an
empty database.host. Context: root.
*/ -}}
{{- define "web-viewer.trial" -}}
{{- if kindIs "invalid" .Values.postgresql.enabled -}}
{{- if not .Values.database.host -}}true{{- end -}}
{{- else if .Values.postgresql.enabled -}}true{{- end -}}
{{- end -}}

{{- /* "true" where the migration makes users and databases: a new server of a trial has none. Context: root. */ -}}
{{- define "web-viewer.master" -}}
{{- if or .Values.database.master.enabled (include "web-viewer.trial" .) -}}true{{- end -}}
{{- end -}}

{{- /* The database server. Context: root. */ -}}
{{- define "web-viewer.databaseHost" -}}
{{- if include "web-viewer.trial" . -}}
{{ include "web-viewer.fullname" . }}-postgresql.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- else -}}
{{ .Values.database.host }}
{{- end -}}
{{- end -}}

{{- /*
The control node's database and user, and the user of the storage nodes' databases: named after the release, so that
two of them may share a server. Context: root.
*/ -}}
{{- define "web-viewer.controlDatabase" -}}
{{ .Values.database.control.name | default (printf "%s-control" (include "web-viewer.fullname" .)) }}
{{- end -}}

{{- define "web-viewer.controlUser" -}}
{{ .Values.database.control.user | default (printf "%s-control" (include "web-viewer.fullname" .)) }}
{{- end -}}

{{- define "web-viewer.storageUser" -}}
{{ .Values.database.storage.user | default (printf "%s-storage" (include "web-viewer.fullname" .)) }}
{{- end -}}

{{- /* An image's whole name. Context: dict root image (key of .Values.images). */ -}}
{{- define "web-viewer.image" -}}
{{- $images := .root.Values.images -}}
{{- $one := index $images .image -}}
{{- $name := $one.repository -}}
{{- if $images.registry -}}{{- $name = printf "%s/%s" (trimSuffix "/" $images.registry) $name -}}{{- end -}}
{{- if $one.digest -}}
{{ $name }}@{{ $one.digest }}
{{- else -}}
{{ $name }}:{{ $one.tag | default $images.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}
