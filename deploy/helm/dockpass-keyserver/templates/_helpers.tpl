{{- define "dockpass.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dockpass.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dockpass.labels" -}}
{{ include "dockpass.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "dockpass.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "listen" "0.0.0.0:8780" -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $config "admin" (dict "listen" "0.0.0.0:8781") -}}
{{- end -}}
{{- $session := deepCopy (default (dict) $config.session) -}}
{{- $keys := list -}}
{{- range .Values.secret.keys -}}
{{- $keys = append $keys (printf "/etc/dockpass/secrets/%s" .) -}}
{{- end -}}
{{- $_ := set $session "key_files" $keys -}}
{{- $_ := set $config "session" $session -}}
{{- if .Values.secret.store -}}
{{- $store := deepCopy (required "secret.store needs config.store.url" $config.store) -}}
{{- $_ := set $store "username_file" "/etc/dockpass/secrets/store-username" -}}
{{- $_ := set $store "password_file" "/etc/dockpass/secrets/store-password" -}}
{{- $_ := set $config "store" $store -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not (dig "store" "url" "" $config)) -}}
{{- fail "replicas: more than one instance needs config.store.url, because a logout is known to one instance only without a store" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
