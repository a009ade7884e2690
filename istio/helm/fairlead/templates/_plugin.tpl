{{/* What is known of a plugin. Each takes a dict: root (the top), key, plugin. */}}

{{/* The filter that a module is a build of. */}}
{{- define "fairlead.filter" -}}
{{- trimSuffix "-lean" .plugin.module -}}
{{- end -}}

{{- define "fairlead.name" -}}
{{- .plugin.name | default (printf "%s-%s" .root.Release.Name .key) -}}
{{- end -}}

{{- define "fairlead.namespace" -}}
{{- .plugin.namespace | default .root.Values.namespace | default .root.Release.Namespace -}}
{{- end -}}

{{- define "fairlead.kind" -}}
{{- if ne .root.Values.kind "auto" -}}
{{- .root.Values.kind -}}
{{- else if .root.Capabilities.APIVersions.Has "extensions.istio.io/v1alpha1/TrafficExtension" -}}
TrafficExtension
{{- else -}}
WasmPlugin
{{- end -}}
{{- end -}}

{{/* `sha256:..`, or nothing. */}}
{{- define "fairlead.digest" -}}
{{- if .plugin.digest -}}
{{- .plugin.digest -}}
{{- else if not .plugin.tag -}}
{{- index .root.Values.image.digests .plugin.module | default "" -}}
{{- end -}}
{{- end -}}

{{/* By digest, where there is one: a tag may have moved since, and then the checksum would fail. */}}
{{- define "fairlead.url" -}}
{{- $image := .root.Values.image -}}
{{- $digest := include "fairlead.digest" . -}}
oci://{{ $image.registry }}/{{ with $image.repository }}{{ . }}/{{ end }}{{ .plugin.module -}}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ .plugin.tag | default $image.tag }}{{ end -}}
{{- end -}}

{{- define "fairlead.phase" -}}
{{- $filter := include "fairlead.filter" . -}}
{{- if .plugin.phase -}}
{{- .plugin.phase -}}
{{- else if eq $filter "rate-limit" -}}
AUTHZ
{{- else if ne $filter "latency-histogram" -}}
STATS
{{- else if eq .plugin.mode "SERVER" -}}
AUTHN
{{- else -}}
UNSPECIFIED
{{- end -}}
{{- end -}}

{{/* The config of one of the filters in a plugin, as JSON; {} if it runs another one. Takes filter (in snake case) besides. */}}
{{- define "fairlead.config" -}}
{{- $own := include "fairlead.filter" . | replace "-" "_" -}}
{{- if eq $own .filter -}}
{{- .plugin.pluginConfig | toJson -}}
{{- else if eq $own "suite" -}}
{{- index .plugin.pluginConfig .filter | default dict | toJson -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* The fields that are about the module: those of a WasmPlugin, and what a TrafficExtension has under `wasm`. */}}
{{- define "fairlead.wasm" -}}
url: {{ include "fairlead.url" . | quote }}
{{- with include "fairlead.digest" . }}
sha256: {{ trimPrefix "sha256:" . | quote }}
{{- end }}
{{- with .plugin.pullPolicy | default .root.Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with .plugin.pullSecret | default .root.Values.image.pullSecret }}
imagePullSecret: {{ . | quote }}
{{- end }}
pluginName: {{ .plugin.pluginName | default (include "fairlead.filter" .) | quote }}
failStrategy: {{ .plugin.failStrategy | default .root.Values.failStrategy }}
pluginConfig:
  {{- .plugin.pluginConfig | toYaml | nindent 2 }}
{{- end -}}

{{/* One object. */}}
{{- define "fairlead.object" -}}
{{- $kind := include "fairlead.kind" . -}}
{{- $phase := include "fairlead.phase" . -}}
apiVersion: extensions.istio.io/v1alpha1
kind: {{ $kind }}
metadata:
  name: {{ include "fairlead.name" . | quote }}
  namespace: {{ include "fairlead.namespace" . | quote }}
  labels:
    app.kubernetes.io/name: fairlead
    app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
    app.kubernetes.io/component: {{ .plugin.module | quote }}
    app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
    app.kubernetes.io/managed-by: {{ .root.Release.Service | quote }}
    helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | quote }}
    {{- with .root.Values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with mergeOverwrite (deepCopy .root.Values.annotations) (.plugin.annotations | default dict) }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .plugin.selector }}
  selector:
    matchLabels:
      {{- toYaml . | nindent 6 }}
  {{- end }}
  {{- with .plugin.targetRefs }}
  targetRefs:
  {{- range . }}
  - group: {{ if hasKey . "group" }}{{ .group | quote }}{{ else }}{{ get (dict "Gateway" "gateway.networking.k8s.io" "GatewayClass" "gateway.networking.k8s.io" "Service" "" "ServiceEntry" "networking.istio.io") .kind | quote }}{{ end }}
    kind: {{ .kind }}
    name: {{ .name | quote }}
  {{- end }}
  {{- end }}
  {{- if or (ne .plugin.mode "GATEWAY") .plugin.ports }}
  match:
  - mode: {{ eq .plugin.mode "GATEWAY" | ternary "CLIENT" .plugin.mode }}
    {{- with .plugin.ports }}
    ports:
    {{- range . }}
    - number: {{ int . }}
    {{- end }}
    {{- end }}
  {{- end }}
  {{- if ne $phase "UNSPECIFIED" }}
  phase: {{ $phase }}
  {{- end }}
  {{- if hasKey .plugin "priority" }}
  priority: {{ int .plugin.priority }}
  {{- end }}
  {{- if eq $kind "TrafficExtension" }}
  wasm:
    {{- include "fairlead.wasm" . | nindent 4 }}
  {{- else }}
  {{- include "fairlead.wasm" . | nindent 2 }}
  {{- end }}
{{- end -}}
