{{- /*
What storage and render nodes have in common: probes that ask with the join secret (files/ask.py).
*/ -}}

{{- /* The volume and the mount of the script. Context of the first: root. */ -}}
{{- define "web-viewer.volume.probe" -}}
- name: probe
  configMap:
    name: {{ include "web-viewer.fullname" . }}-probe
{{- end -}}

{{- define "web-viewer.mount.probe" -}}
- name: probe
  mountPath: /opt/probe
  readOnly: true
{{- end -}}

{{- /* A new script means new pods. Context: root. */ -}}
{{- define "web-viewer.checksum.probe" -}}
checksum/probe: {{ .Files.Get "files/ask.py" | sha256sum }}
{{- end -}}

{{- /* The question of a probe. Context: port. */ -}}
{{- define "web-viewer.ask" -}}
exec:
  command: [python3, /opt/probe/ask.py, {{ . | quote }}, /internal/v1/health]
{{- end -}}
