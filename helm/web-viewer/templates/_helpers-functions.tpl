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
