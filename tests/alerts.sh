#!/usr/bin/env bash
# The alerts, by Prometheus' own promtool: they are well formed, and fire when they should and only then.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v promtool >/dev/null || {
  echo 'tests/alerts.sh: promtool is not on PATH; it is in the package prometheus of most systems' >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# A PrometheusRule is a file of rules below `spec`.
sed '1,/^spec:$/d; s/^  //' manifests/components/monitoring/alerts.yaml >"$folder/alerts.yaml"
cp tests/manifests/alerts.yaml "$folder/tests.yaml"
promtool check rules "$folder/alerts.yaml"
promtool test rules "$folder/tests.yaml"
