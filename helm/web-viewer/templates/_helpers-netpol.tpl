{{- /*
Pieces of NetworkPolicies. All pods are refused everything by common/netpol.yaml; each component's own policy lets in
who calls it and out to what it calls. Both sides of a call are written down: tests/deploy/test_chart_network.py has
the table of who talks with whom.
*/ -}}

{{- /* A peer: the pods of one component of ours. Context: dict root component. */ -}}
{{- define "web-viewer.peer" -}}
- podSelector:
    matchLabels:
      {{- include "web-viewer.selector" . | nindent 6 }}
{{- end -}}

{{- /* Peers: the functions that reach a kind of node, and no others. Context: dict root node (storage or render). */ -}}
{{- define "web-viewer.peersReaching" -}}
- podSelector:
    matchLabels:
      {{- include "web-viewer.selectorOfAll" .root | nindent 6 }}
      web-viewer/reaches-{{ .node }}: "true"
{{- end -}}

{{- /* Peers: all functions. Context: root. */ -}}
{{- define "web-viewer.peersFunctions" -}}
- podSelector:
    matchLabels:
      {{- include "web-viewer.selectorOfAll" . | nindent 6 }}
      web-viewer/tier: function
{{- end -}}

{{- /* Egress to the cluster's DNS. Context: root. */ -}}
{{- define "web-viewer.egress.dns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.networkPolicy.dns.namespace }}
    {{- range .Values.networkPolicy.dns.networks }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - port: {{ . }}
      protocol: UDP
    - port: {{ . }}
      protocol: TCP
    {{- end }}
{{- end -}}

{{- /* Egress to the database. Context: root. */ -}}
{{- define "web-viewer.egress.database" -}}
{{- if include "web-viewer.trial" . -}}
- to:
    {{- include "web-viewer.peer" (dict "root" . "component" "postgresql") | nindent 4 }}
  ports:
    - port: 5432
      protocol: TCP
{{- else -}}
- to:
    {{- range .Values.database.networks }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  ports:
    - port: {{ .Values.database.port }}
      protocol: TCP
{{- end -}}
{{- end -}}

{{- /* Egress to where nodes register. Context: root. */ -}}
{{- define "web-viewer.egress.control" -}}
- to:
    {{- include "web-viewer.peer" (dict "root" . "component" (include "web-viewer.componentOf" (dict "root" . "name" "nodes"))) | nindent 4 }}
  ports:
    - port: 8091
      protocol: TCP
{{- end -}}

{{- /* Egress to nodes. Context: dict root node (storage or render). */ -}}
{{- define "web-viewer.egress.node" -}}
- to:
    {{- include "web-viewer.peer" (dict "root" .root "component" (printf "%s-node" .node)) | nindent 4 }}
  ports:
    - port: {{ ternary 8081 8080 (eq .node "storage") }}
      protocol: TCP
{{- end -}}

{{- /* The head of a component's policy. Context: dict root component. */ -}}
{{- define "web-viewer.netpolHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "web-viewer.metadata" . | nindent 2 }}
{{- end -}}
