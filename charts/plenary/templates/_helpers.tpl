{{/*
What the names of all objects begin with. A Service's name has at most 63 characters, of
which the longest app's takes 29, and begins with a letter; a CronJob's has 52. So the
name of a long release is cut, with a sum of what was there, and one that begins with a
digit has a letter before it.
*/}}
{{- define "plenary.name" -}}
{{- $name := .Release.Name -}}
{{- if regexMatch "^[0-9]" $name -}}
  {{- $name = printf "r%s" $name -}}
{{- end -}}
{{- if gt (len $name) 30 -}}
  {{- $name = printf "%s-%s" ($name | trunc 23 | trimSuffix "-") (sha256sum .Release.Name | trunc 6) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* Labels of an object. Takes the root, or a dict of root and component. */}}
{{- define "plenary.labels" -}}
{{- $root := .root | default . -}}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: plenary
{{ include "plenary.selector" . }}
{{- end -}}

{{- define "plenary.selector" -}}
{{- $root := .root | default . -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* An image of ours. Takes a dict of root and component. */}}
{{- define "plenary.image" -}}
{{ .root.Values.image.repository }}/{{ .component }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- with get .root.Values.image.digests .component }}@{{ . }}{{ end }}
{{- end -}}

{{/* On which nodes a pod runs. Takes values that say so. */}}
{{- define "plenary.placement" -}}
{{- $placement := dict -}}
{{- range $what := list "affinity" "nodeSelector" "priorityClassName" "tolerations" -}}
  {{- with get $ $what -}}
    {{- $_ := set $placement $what . -}}
  {{- end -}}
{{- end -}}
{{- with $placement -}}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/* What a container of ours may: nothing. */}}
{{- define "plenary.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Who a pod runs as. Takes a dict of root and user, the user's number. */}}
{{- define "plenary.podSecurity" -}}
runAsNonRoot: true
{{- if not .root.Values.security.userOfNamespace }}
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* With what a pod's images are pulled. Takes the root. */}}
{{- define "plenary.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/*
The facts about the apps that values cannot change. `secrets` are those that an app
asks for itself; `settings` its environment variables by their names under `config`;
`invokes` which routes of which app it calls by service invocation, the narrower path
first, since Dapr takes the first that fits.
*/}}
{{- define "plenary.facts" -}}
{{ (.Files.Get "files/topology.yaml" | fromYaml).apps | toYaml }}
{{- end -}}

{{/* The values of an app: the defaults, and what is different for it. */}}
{{- define "plenary.app" -}}
{{ mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (index .root.Values.apps .component)) | toYaml }}
{{- end -}}

{{/* How many pods an app has at least; "scaled" in the same answer if a scaler decides. */}}
{{- define "plenary.scale" -}}
{{- if .autoscaling.enabled -}}
{scaled: true, least: {{ .autoscaling.minReplicas }}, most: {{ .autoscaling.maxReplicas }}}
{{- else if .keda.enabled -}}
{scaled: true, least: {{ .keda.minReplicas }}, most: {{ .keda.maxReplicas }}}
{{- else -}}
{scaled: false, least: {{ .replicas }}, most: {{ .replicas }}}
{{- end -}}
{{- end -}}

{{/*
The components of the chosen broker and store, as `items`. They are the files of
the component sets, so that what runs here is what was tested there; the secret
store and the values of settings are of the chart.
*/}}
{{- define "plenary.components" -}}
{{- $root := . -}}
{{- $sets := .Files.Get "files/topology.yaml" | fromYaml -}}
{{- $broker := (index $sets.brokers .Values.components.broker).set -}}
{{- $store := index $sets.stores .Values.components.store -}}
{{- $items := list -}}
{{- range $kind, $set := dict "pubsub." $broker "state." $store "configuration." $broker -}}
  {{- range $path, $content := $root.Files.Glob (printf "files/%s/*.yaml" $set) -}}
    {{- range $document := regexSplit "(?m)^---$" (toString $content) -1 -}}
      {{- $c := fromYaml $document -}}
      {{- if and $c (eq $c.kind "Component") (hasPrefix $kind $c.spec.type) -}}
        {{- /* What reads one topic of a bus is named after the bus, and has its settings. */ -}}
        {{- $name := $c.metadata.name | splitList "-" | first -}}
        {{- $set := merge (dict) (default dict (index $root.Values.components.metadata $name)) -}}
        {{- $secret := default dict (index $root.Values.components.secretMetadata $name) -}}
        {{- $metadata := list -}}
        {{- range $c.spec.metadata -}}
          {{- if not (or (hasKey $set .name) (hasKey $secret .name)) -}}
            {{- $metadata = append $metadata . -}}
          {{- end -}}
        {{- end -}}
        {{- range $setting, $value := $set -}}
          {{- $metadata = append $metadata (dict "name" $setting "value" $value) -}}
        {{- end -}}
        {{- range $setting, $key := $secret -}}
          {{- $metadata = append $metadata (dict "name" $setting "secretKeyRef" (dict "name" $key "key" $key)) -}}
        {{- end -}}
        {{- $_ := set $c.spec "metadata" $metadata -}}
        {{- $items = append $items $c -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{ dict "items" $items | toYaml }}
{{- end -}}

{{/* Who reads what of the chosen broker, and how often is tried again, as `items`. */}}
{{- define "plenary.deliveries" -}}
{{- $items := list -}}
{{- $set := (index (.Files.Get "files/topology.yaml" | fromYaml).brokers .Values.components.broker).set -}}
{{- range $path, $content := .Files.Glob (printf "files/%s/*.yaml" $set) -}}
  {{- range $document := regexSplit "(?m)^---$" (toString $content) -1 -}}
    {{- with fromYaml $document -}}
      {{- if eq .kind "Subscription" -}}
        {{- $_ := set .spec "metadata" (merge (deepCopy $.Values.components.subscriptionMetadata) .spec.metadata) -}}
      {{- end -}}
      {{- if has .kind (list "Subscription" "Resiliency") -}}
        {{- $items = append $items . -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{ dict "items" $items | toYaml }}
{{- end -}}

{{/* The names of the secrets that an app's sidecar needs, as `items`. */}}
{{- define "plenary.secretNames" -}}
{{- $component := .component -}}
{{- $names := default list (index (fromYaml (include "plenary.facts" .root)) $component).secrets -}}
{{- range (fromYaml (include "plenary.components" .root)).items -}}
  {{- if or (not .scopes) (has $component .scopes) -}}
    {{- range .spec.metadata -}}
      {{- with .secretKeyRef -}}
        {{- $names = append $names .name -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{ dict "items" ($names | uniq | sortAlpha) | toYaml }}
{{- end -}}

{{/*
The Secret of a token that an app and its sidecar know each other by. Takes a dict of
root, component and token, which is dapr or app. Each app has its own: with a shared
one, who has taken over one app could pose as the sidecar of another.
*/}}
{{- define "plenary.tokenSecret" -}}
{{- $own := get .root.Values.secrets (printf "%sToken" .token) -}}
{{- $own | default (printf "%s-{appID}-%s-token" (include "plenary.name" .root) .token) | replace "{appID}" .component -}}
{{- end -}}

{{/* The Secret that an app's sidecar reads; empty with a store of one's own. */}}
{{- define "plenary.secretName" -}}
{{- if .root.Values.secrets.existing -}}
{{ .root.Values.secrets.existing }}
{{- else if not .root.Values.secrets.store -}}
{{ include "plenary.name" .root }}-{{ .component }}-secrets
{{- end -}}
{{- end -}}

{{/*
The annotations of an app's pod, most of them for Dapr. Takes a dict of root,
component, fact, app, sums, block, mounts, daprToken and appToken; see where pods are made.
*/}}
{{- define "plenary.annotations" -}}
plenary/checksum: {{ .sums }}
dapr.io/enabled: "true"
dapr.io/app-id: {{ .component }}
dapr.io/app-port: "8080"
dapr.io/config: {{ .component }}
dapr.io/log-as-json: "true"
dapr.io/log-level: {{ .app.sidecar.logLevel }}
dapr.io/enable-api-logging: "false"
dapr.io/enable-metrics: {{ .root.Values.telemetry.metrics.enabled | quote }}
# A batch may be large; Dapr's default is 4Mi.
dapr.io/max-body-size: 64Mi
dapr.io/api-token-secret: {{ .daprToken }}
dapr.io/app-token-secret: {{ .appToken }}
dapr.io/disable-builtin-k8s-secret-store: "true"
{{- with .mounts }}
dapr.io/volume-mounts: {{ join "," . }}
{{- end }}
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
# A second, Dapr's default, is little on a busy node.
dapr.io/sidecar-readiness-probe-timeout-seconds: "5"
dapr.io/sidecar-readiness-probe-period-seconds: "3"
dapr.io/sidecar-liveness-probe-timeout-seconds: "5"
{{- with .app.sidecar.resources }}
{{- with .requests }}
{{- with .cpu }}
dapr.io/sidecar-cpu-request: {{ . | quote }}
{{- end }}
{{- with .memory }}
dapr.io/sidecar-memory-request: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .limits }}
{{- with .cpu }}
dapr.io/sidecar-cpu-limit: {{ . | quote }}
{{- end }}
{{- with .memory }}
dapr.io/sidecar-memory-limit: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
# When a pod is to end, its sidecar stops taking messages at once, while the
# app still runs and finishes those it has, and the sidecar publishes what follows.
dapr.io/block-shutdown-duration: {{ .block }}s
dapr.io/graceful-shutdown-seconds: {{ .root.Values.shutdown.sidecarSeconds | quote }}
{{- $topology := .root.Files.Get "files/topology.yaml" | fromYaml }}
{{- $variables := $topology.sidecarEnv }}
{{- if .fact.reads }}
{{- $variables = merge (dict) $variables ((index $topology.brokers .root.Values.components.broker).readerEnv | default dict) }}
{{- end }}
# What a sidecar needs, and one that reads from this kind of broker: engine/component
# says why.
{{- $env := list }}
{{- range $variable, $value := $variables }}
{{- $env = append $env (printf "%s=%s" $variable $value) }}
{{- end }}
dapr.io/env: {{ join "," $env }}
{{- if .fact.public }}
# So it learns that the app has gone, and goes too. Others' sidecars must not ask: one
# that finds its app unwell gives up its subscriptions, and with Redis they may never
# come back (ADR 16).
dapr.io/enable-app-health-check: "true"
dapr.io/app-health-check-path: /healthz
dapr.io/app-health-probe-interval: "3"
dapr.io/app-health-probe-timeout: "2500"
dapr.io/app-health-threshold: "3"
{{- end }}
{{- end -}}

{{/* Whether the chart's own Redis forgets what was acknowledged: where its streams are the broker's. */}}
{{- define "plenary.redisForgets" -}}
{{- if and .Values.redis.enabled .Values.redis.forget.enabled (eq .Values.components.broker "redis") }}true{{ end -}}
{{- end -}}
