{{/* What would be accepted by Kubernetes and Istio, and do nothing, or something else than it says. Takes root, key, plugin. */}}
{{- define "fairlead.refuse" -}}
{{- $plugin := .plugin -}}
{{- $at := printf "plugins.%s" .key -}}
{{- $mode := $plugin.mode -}}
{{- $canary := include "fairlead.config" (merge (dict "filter" "canary") .) | fromJson -}}
{{- $breaker := include "fairlead.config" (merge (dict "filter" "circuit_breaker") .) | fromJson -}}
{{- $limit := include "fairlead.config" (merge (dict "filter" "rate_limit") .) | fromJson -}}

{{- /* The image. */ -}}
{{- $pinned := include "fairlead.digest" . -}}
{{- if and (not $pinned) .root.Values.image.requireDigest -}}
{{- fail (printf "%s.digest: image.requireDigest is set and there is no digest for %s: write plugins.%s.digest or image.digests.%s" $at $plugin.module .key $plugin.module) -}}
{{- end -}}
{{- if not (or $pinned $plugin.tag .root.Values.image.tag) -}}
{{- fail (printf "%s: the image %s has neither a digest nor a tag: write image.digests.%s or image.tag" $at $plugin.module $plugin.module) -}}
{{- end -}}

{{- /* Which proxies. */ -}}
{{- if and $plugin.selector $plugin.targetRefs -}}
{{- fail (printf "%s: has both selector and targetRefs: Istio takes one of them" $at) -}}
{{- end -}}
{{- if and (eq $mode "GATEWAY") (not (or $plugin.selector $plugin.targetRefs)) -}}
{{- fail (printf "%s: mode GATEWAY without selector or targetRefs would install the filter in every proxy of the namespace, inbound and outbound: name the gateway" $at) -}}
{{- end -}}
{{- if and $plugin.targetRefs (ne $mode "GATEWAY") -}}
{{- fail (printf "%s.targetRefs: sidecars ignore them, and gateways and waypoints do not install a filter by mode %s: write mode GATEWAY" $at $mode) -}}
{{- end -}}
{{- range $ref := $plugin.targetRefs -}}
{{- if and (ne $ref.kind "Gateway") $plugin.ports -}}
{{- fail (printf "%s.ports: a waypoint installs no filter that is matched by port: leave ports out" $at) -}}
{{- end -}}
{{- end -}}
{{- if has $mode (list "SERVER" "CLIENT_AND_SERVER") -}}
{{- range $label, $value := $plugin.selector -}}
{{- if or (has $label (list "gateway.networking.k8s.io/gateway-name" "istio.io/gateway-name")) (and (has $label (list "istio" "app")) (contains "gateway" $value)) -}}
{{- fail (printf "%s.mode: the selector %s=%s means a gateway, which installs nothing by mode %s: write GATEWAY" $at $label $value $mode) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Filters that need a place of their own. */ -}}
{{- if $canary -}}
{{- if eq $mode "SERVER" -}}
{{- fail (printf "%s.mode: a canary on SERVER routes nothing: the called service's sidecar has one route only. Write CLIENT, on callers, or GATEWAY" $at) -}}
{{- end -}}
{{- if and (eq $mode "CLIENT_AND_SERVER") (not (dig "propagate" "trace" false $canary)) -}}
{{- fail (printf "%s.mode: CLIENT_AND_SERVER decides and counts each call twice; only a canary with propagate.trace needs both sides. Write CLIENT" $at) -}}
{{- end -}}
{{- end -}}
{{- range $index, $one := $breaker.breakers -}}
{{- if and (dig "fallback" "reroute" false $one) (eq $mode "SERVER") -}}
{{- fail (printf "%s.pluginConfig: breakers[%d].fallback.reroute needs routes, and on SERVER there is one only: write CLIENT or GATEWAY" $at $index) -}}
{{- end -}}
{{- if and (dig "fallback" "stale" false $one) (has $plugin.module (list "circuit-breaker-lean" "suite-lean")) -}}
{{- fail (printf "%s.module: %s does not see bodies of responses, which breakers[%d].fallback.stale keeps: write %s" $at $plugin.module $index (include "fairlead.filter" $)) -}}
{{- end -}}
{{- end -}}

{{- /* Lean builds refuse what they cannot do, and a proxy that starts with a refused config answers 500 to everything. */ -}}
{{- if and (eq $plugin.module "rate-limit-lean") (ne (dig "response_headers" "ietf" $limit) "none") -}}
{{- fail (printf "%s.module: rate-limit-lean does not see responses, so it adds no fields to them: write response_headers: none, or module rate-limit" $at) -}}
{{- end -}}
{{- if and (eq $plugin.module "canary-lean") (or (hasKey $canary "guard") (hasKey ($canary.sticky | default dict) "cookie")) -}}
{{- fail (printf "%s.module: canary-lean does not see responses, which a guard and a release cookie need: write module canary" $at) -}}
{{- end -}}
{{- end -}}
