{{- /*
The table of functions: values.functions.table, each line filled up with values.functions.defaults.
*/ -}}

{{- /* All functions by name, whole, as JSON. Context: root. */ -}}
{{- define "web-viewer.functions" -}}
{{- $result := dict -}}
{{- range $name, $line := .Values.functions.table -}}
{{- $whole := mergeOverwrite (deepCopy $.Values.functions.defaults) (deepCopy $line) -}}
{{- $_ := set $whole "knative" (and (eq $.Values.functions.mode "knative") $line.scalesToZero) -}}
{{- $_ := set $result $name $whole -}}
{{- end -}}
{{- toJson $result -}}
{{- end -}}

{{- /*
The workloads of the functions by component, as JSON: each line as above with `serves`, the names of its functions. In the
mode single there is one for all functions: values.functions.defaults filled over with values.functions.single, reaching
whatever one of them reaches. Context: root.
*/ -}}
{{- define "web-viewer.functionWorkloads" -}}
{{- $functions := include "web-viewer.functions" . | fromJson -}}
{{- $result := dict -}}
{{- if eq .Values.functions.mode "single" -}}
{{- $reaches := list -}}
{{- range $functions -}}
{{- $reaches = concat $reaches .reaches -}}
{{- end -}}
{{- $whole := mergeOverwrite (deepCopy .Values.functions.defaults) (deepCopy .Values.functions.single) -}}
{{- $whole = merge (dict "knative" false "reaches" (uniq $reaches | sortAlpha) "serves" (keys $functions | sortAlpha)) $whole -}}
{{- $_ := set $result "functions" $whole -}}
{{- else -}}
{{- range $name, $function := $functions -}}
{{- $_ := set $result $name (merge (dict "serves" (list $name)) $function) -}}
{{- end -}}
{{- end -}}
{{- toJson $result -}}
{{- end -}}

{{- /*
Whether browsers send the session's cookie over HTTPS only: as the value says; where it says nothing, everywhere but in a
trial system that is looked at by plain HTTP. Context: root.
*/ -}}
{{- define "web-viewer.secureCookie" -}}
{{- if kindIs "invalid" .Values.functions.secureCookie -}}
{{- or (not (include "web-viewer.trial" .)) (not (empty .Values.ingress.tlsSecret)) .Values.gateway.enabled -}}
{{- else -}}
{{- .Values.functions.secureCookie -}}
{{- end -}}
{{- end -}}
