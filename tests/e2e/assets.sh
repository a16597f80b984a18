#!/usr/bin/env bash
# Builds the programs that tests/e2e.rs runs against (a Kubernetes control plane, Istio's control
# plane, helm) and prints the folder that they are in, for KUBEBUILDER_ASSETS:
#
#   KUBEBUILDER_ASSETS=$(tests/e2e/assets.sh) cargo test -p meshcheck-webhook --test e2e
#
# The folder is named after the content of tests/e2e/assets, so what is built once is kept until that
# changes. What an interrupted run has built stays built. Two runs at once build once.
set -euo pipefail

modules=$(cd "$(dirname "$0")/assets" && pwd)
cache=${MESHCHECK_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshcheck/e2e-assets}
# Folders that nobody asked for in this many days go away when a new one is built.
KEEP_DAYS=14
# Release of Istio that the module is, as its charts say it.
ISTIO=1.31.1

fail() {
  printf 'tests/e2e/assets.sh: %s\n' "$*" >&2
  exit 1
}

say() {
  printf -- '-- %s\n' "$*" >&2
}

# need PROGRAM WHY
need() {
  command -v "$1" >/dev/null || fail "$1 is not on PATH; it is needed to $2"
}

# A change to any of these files, or a Go for another machine, is another folder.
key() {
  need sha256sum 'name the folder'
  (cd "$modules" && sha256sum programs ./*/go.* && uname -sm) | sha256sum | cut -c 1-16
}

# build MODULE NAME PACKAGE FLAGS...
build() {
  local module=$1 name=$2 package=$3 start=$SECONDS
  shift 3
  [ -x "$folder/$name" ] && return
  (cd "$modules/$module" && CGO_ENABLED=0 GOWORK=off \
    go build -trimpath -buildvcs=false -ldflags "-s -w $*" -o "$folder/.$name" "$package") >&2 ||
    fail "$name cannot be built from $package"
  mv "$folder/.$name" "$folder/$name"
  say "$name: built in $((SECONDS - start)) s"
}

# package_folder MODULE PACKAGE FORMAT: where a module has something that is no program.
package_folder() {
  (cd "$modules/$1" && GOWORK=off go list -f "$3" "$2") || fail "$2 was not found"
}

# Istio's charts as its release has them: in the source they carry placeholders for hub, tag and version.
charts() {
  local from
  [ -d "$folder/charts" ] && return
  from=$(package_folder istio istio.io/istio/manifests '{{.Dir}}')/charts
  rm -rf "$folder/.charts"
  mkdir "$folder/.charts"
  cp -R "$from/base" "$folder/.charts/base"
  cp -R "$from/istio-control/istio-discovery" "$folder/.charts/istiod"
  chmod -R u+w "$folder/.charts"
  sed -i -E "s#^( *hub: )registry.istio.io/testing\$#\1docker.io/istio#; s#^( *tag: )latest\$#\1$ISTIO#" \
    "$folder/.charts/istiod/values.yaml"
  sed -i -E "s#^(version|appVersion): .*#\1: $ISTIO#" "$folder"/.charts/*/Chart.yaml
  grep -q "^ *tag: $ISTIO\$" "$folder/.charts/istiod/values.yaml" || fail "the chart's tag was not found"
  mv "$folder/.charts" "$folder/charts"
}

# The definitions of the kinds that the overlay for cert-manager uses.
definitions() {
  local from
  [ -d "$folder/cert-manager" ] && return
  from=$(package_folder cert-manager github.com/cert-manager/cert-manager/pkg/apis/certmanager '{{.Module.Dir}}')
  rm -rf "$folder/.cert-manager"
  mkdir "$folder/.cert-manager"
  cp "$from"/deploy/crds/cert-manager.io_{certificates,issuers}.yaml "$folder/.cert-manager"
  chmod -R u+w "$folder/.cert-manager"
  mv "$folder/.cert-manager" "$folder/cert-manager"
}

build_all() {
  need go 'build the assets; https://go.dev/dl has it, or set KUBEBUILDER_ASSETS to a folder of binaries'
  local module name package flags
  while read -r module name package flags; do
    # shellcheck disable=SC2086 # flags are words
    build "$module" "$name" "$package" $flags
  done < <(grep -v '^#' "$modules/programs")
  charts
  definitions
  touch "$folder/.complete"
}

forget_old() {
  find "$cache" -mindepth 1 -maxdepth 1 -type d ! -path "$folder" -mtime "+$KEEP_DAYS" -exec rm -rf {} +
}

folder=$cache/$(key)
mkdir -p "$folder"
if [ ! -e "$folder/.complete" ]; then
  need flock 'keep two runs apart'
  exec 9>"$cache/lock"
  flock 9
  [ -e "$folder/.complete" ] || build_all
  forget_old
fi
# The day of its last use.
touch "$folder"
printf '%s\n' "$folder"
