#!/usr/bin/env bash
# Installs the tools that the plugin's benchmark is compared with into the cache folder, where the
# benchmark looks for them. Needs Go. kube-linter is compared with too where it is on PATH.
set -euo pipefail

bin="${XDG_CACHE_HOME:-$HOME/.cache}/meshcheck/bin"
mkdir -p "$bin"

# Pinned: figures of two versions cannot be compared.
GOBIN="$bin" go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
GOBIN="$bin" go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0
printf 'installed: %s\n' "$bin"/kube*
