{{- /* The pod's name: its database has the same. */ -}}
{{- define "web-viewer.env.podName" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{- /* storage.dicom.peers as the node reads them, in JSON. Context: root. */ -}}
{{- define "web-viewer.dicomPeers" -}}
{{- $peers := list -}}
{{- range .Values.storage.dicom.peers -}}
{{- $peers = append $peers (dict "calling_ae" .callingAe "network" .network) -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}
