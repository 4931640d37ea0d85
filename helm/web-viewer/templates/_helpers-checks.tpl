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
{{- if and (not .Values.database.host) (not (include "web-viewer.trial" .)) -}}
{{- fail "database.host is empty and postgresql.enabled is false: name a PostgreSQL server in database.host, or leave postgresql.enabled out for a trial system." -}}
{{- end -}}
{{- if and .Values.database.host (include "web-viewer.trial" .) -}}
{{- fail (printf "database.host is %q and postgresql.enabled is true: one system has one database server. Leave postgresql.enabled out." .Values.database.host) -}}
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
{{- if has $name (list "functions" "nginx" "storage-node" "render-node" "controller" "migration" "postgresql" "internal") -}}
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
{{- $storage := lookup "apps/v1" "StatefulSet" $.Release.Namespace (printf "%s-storage-node" (include "web-viewer.fullname" $)) -}}
{{- range $container := dig "spec" "template" "spec" "containers" (list) $storage -}}
{{- range $entry := $container.env -}}
{{- if and (eq $entry.name "WEBVIEWER_DATABASE_HOST") (include "web-viewer.trial" $) (ne $entry.value (include "web-viewer.databaseHost" $)) -}}
{{- fail (printf "database.host is empty, which means a trial system with a database of its own, but this release has its databases on %q. Give the values of the install again: helm upgrade %s … -f my-values.yaml" $entry.value $.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $control := lookup "apps/v1" "Deployment" $.Release.Namespace (printf "%s-nodes" (include "web-viewer.fullname" $)) | default (lookup "apps/v1" "Deployment" $.Release.Namespace (printf "%s-functions" (include "web-viewer.fullname" $))) -}}
{{- range list
      (list "database.control.name" $database.control.name $control "WEBVIEWER_DATABASE_NAME" (include "web-viewer.controlDatabase" .))
      (list "database.control.user" $database.control.user $control "WEBVIEWER_DATABASE_USER" (include "web-viewer.controlUser" .))
      (list "database.storage.user" $database.storage.user $storage "WEBVIEWER_DATABASE_USER" (include "web-viewer.storageUser" .))
-}}
{{- $path := index . 0 -}}{{- $said := index . 1 -}}{{- $variable := index . 3 -}}{{- $now := index . 4 -}}
{{- range $container := dig "spec" "template" "spec" "containers" (list) (index . 2) -}}
{{- range $entry := $container.env -}}
{{- if and (not $said) (eq $entry.name $variable) (ne ($entry.value | default "") $now) -}}
{{- fail (printf "%s is empty, which means %q, but this release has %q: set it to that. UPGRADE.md tells more." $path $now $entry.value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
