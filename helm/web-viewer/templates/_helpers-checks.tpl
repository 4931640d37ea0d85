{{- /*
Values that cannot be right together, and names that are not in use any more or never were. Called from NOTES.txt, so
that they stop `helm template`, `install` and `upgrade` alike.
*/ -}}

{{- /* Fail with words. Context: root. */ -}}
{{- define "web-viewer.checks" -}}
{{- $gone := dict
      "internalToken" "A secret is never a value. Put it into a Secret and name that in secrets.internalToken."
      "databasePassword" "A secret is never a value. Put it into a Secret and name that in secrets.controlDatabase and secrets.storageDatabase."
      "replicaCount" "There is no such value: see functions.defaults.replicas, nginx.replicas, storage.replicas and scaling."
      "storageUrl" "WEBVIEWER_STORAGE_URL is gone: storage nodes register at the control node."
      "renderUrl" "WEBVIEWER_RENDER_URL is gone: render nodes register at the control node."
-}}
{{- range $name, $words := $gone -}}
{{- if hasKey $.Values $name -}}
{{- fail (printf "Value %q: %s UPGRADE.md tells more." $name $words) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.database.host) (not .Values.postgresql.enabled) -}}
{{- fail "database.host is empty: must name a PostgreSQL server, or set postgresql.enabled to start one for trying out." -}}
{{- end -}}
{{- if and .Values.database.host .Values.postgresql.enabled -}}
{{- fail (printf "database.host is %q and postgresql.enabled is true: one system has one database server." .Values.database.host) -}}
{{- end -}}
{{- if and .Values.postgresql.enabled (not .Values.database.master.enabled) -}}
{{- fail "postgresql.enabled needs database.master.enabled: somebody has to make the users and databases of a new server." -}}
{{- end -}}
{{- if and (has .Values.database.tls.mode (list "verify-ca" "verify-full")) (not .Values.database.tls.caSecret) -}}
{{- fail (printf "database.tls.mode is %q: name the Secret of the authority in database.tls.caSecret." .Values.database.tls.mode) -}}
{{- end -}}
{{- if gt (int .Values.scaling.minimum) (int .Values.scaling.maximum) -}}
{{- fail (printf "scaling.minimum is %d and scaling.maximum %d: the minimum must not be above the maximum." (int .Values.scaling.minimum) (int .Values.scaling.maximum)) -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parents) -}}
{{- fail "gateway.parents is empty: must name the Gateway that takes the HTTPRoute." -}}
{{- end -}}
{{- include "web-viewer.checks.databases" . -}}
{{- range $name, $line := .Values.functions.table -}}
{{- if has $name (list "nginx" "storage-node" "render-node" "controller" "migration" "postgresql" "internal") -}}
{{- fail (printf "functions.table has %q: that is the name of another component." $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "auth" "nodes" "events" "render" -}}
{{- if not (hasKey $.Values.functions.table $name) -}}
{{- fail (printf "functions.table lacks %q: nothing works without it." $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "nodes" "events" "render" -}}
{{- if (index $.Values.functions.table $name).scalesToZero -}}
{{- fail (printf "functions.table.%s.scalesToZero is true: it holds WebSockets or is asked for each of them, and must keep running." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /*
An upgrade must not leave its database behind and begin with an empty one because a default is now another: chart 1.0.0
called them alike in every release. Context: root.
*/ -}}
{{- define "web-viewer.checks.databases" -}}
{{- if .Release.IsUpgrade -}}
{{- $database := .Values.database -}}
{{- range list
      (list "database.control.name" $database.control.name "Deployment" "nodes" "WEBVIEWER_DATABASE_NAME" (include "web-viewer.controlDatabase" .))
      (list "database.control.user" $database.control.user "Deployment" "nodes" "WEBVIEWER_DATABASE_USER" (include "web-viewer.controlUser" .))
      (list "database.storage.user" $database.storage.user "StatefulSet" "storage-node" "WEBVIEWER_DATABASE_USER" (include "web-viewer.storageUser" .))
-}}
{{- $path := index . 0 -}}{{- $said := index . 1 -}}{{- $variable := index . 4 -}}{{- $now := index . 5 -}}
{{- $found := lookup "apps/v1" (index . 2) $.Release.Namespace (printf "%s-%s" (include "web-viewer.fullname" $) (index . 3)) -}}
{{- range $container := dig "spec" "template" "spec" "containers" (list) $found -}}
{{- range $entry := $container.env -}}
{{- if and (not $said) (eq $entry.name $variable) (ne ($entry.value | default "") $now) -}}
{{- fail (printf "%s is empty, which means %q, but this release has %q: set it to that. UPGRADE.md tells more." $path $now $entry.value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
