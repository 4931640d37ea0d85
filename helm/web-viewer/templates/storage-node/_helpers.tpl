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

{{- /* The type of the DICOM Services: a trial system asks for no load balancer unless somebody says so. Context: root. */ -}}
{{- define "web-viewer.dicomServiceType" -}}
{{- .Values.storage.dicom.service.type | default (ternary "ClusterIP" "LoadBalancer" (eq (include "web-viewer.trial" .) "true")) -}}
{{- end -}}
