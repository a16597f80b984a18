#!/usr/bin/env bash
# Tries the hooks of .pre-commit-hooks.yaml with the real pre-commit on a scratch repository: a bad
# manifest stops the commit and shows the place, a good one passes, the fix hook mends.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/meshcheck
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Nothing of the caller's git may have a say in the scratch repositories.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export GIT_CONFIG_GLOBAL=$scratch/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name tester
git config --global user.email tester@example.invalid
git config --global init.defaultBranch main
git config --global --add safe.directory '*'

# The hooks are built as they are installed; only the optimisation is left out.
export PRE_COMMIT_HOME=$scratch/pre-commit
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  [ -f "$scratch/out" ] && cat "$scratch/out" >&2
  exit 1
}

if [ ! -x "$cache/venv/bin/pre-commit" ]; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check pre-commit
fi
PATH=$cache/venv/bin:$PATH

# The plugin for the hooks of language `system`.
(cd "$root" && cargo build --quiet --package kubectl-meshcheck)
built=$(cd "$root" && cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
PATH=$built/debug:$PATH

# The tree as it is now, as a repository of hooks.
hooks=$scratch/hooks
mkdir "$hooks"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ -e "$file" ] && cp --parents -P "$file" "$hooks"
done)
git -C "$hooks" init --quiet
git -C "$hooks" add --all --force
git -C "$hooks" commit --quiet --message hooks
revision=$(git -C "$hooks" rev-parse HEAD)

manifest() {
  cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istiod
  namespace: istio-system
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata:
      labels: {app: istiod}
    spec:
      containers:
        - name: discovery
          image: docker.io/istio/pilot:1.31.1
          args: [discovery, --keepaliveMaxServerConnectionAge=$1] # age
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
YAML
}

# A repository in which commits run this hook.
repository() {
  work=$scratch/$1
  mkdir "$work"
  cd "$work"
  git init --quiet
  printf 'repos:\n- repo: %s\n  rev: %s\n  hooks:\n  - id: %s\n' "$hooks" "$revision" "$1" >.pre-commit-config.yaml
  pre-commit install >/dev/null
  git add .
  # Also: YAML that is not of Kubernetes passes.
  commit || fail "$1: a commit without manifests was stopped"
}

commit() {
  git commit --message try >"$scratch/out" 2>&1
}

expect() {
  grep -qF -- "$1" "$scratch/out" || fail "$2"
}

for hook in meshcheck meshcheck-system; do
  repository "$hook"
  manifest 30m >istiod.yaml
  git add .
  commit && fail "$hook: a bad manifest was committed"
  expect 'error[keepalive-age-too-long]' "$hook: the rule is not named"
  expect 'istiod.yaml:15:29' "$hook: the place is not shown"
  manifest 10m >istiod.yaml
  git add .
  commit || fail "$hook: a good manifest was stopped"
  printf 'ok: %s\n' "$hook"
done

for hook in meshcheck-fix meshcheck-fix-system; do
  repository "$hook"
  manifest 30m >istiod.yaml
  git add .
  commit && fail "$hook: a bad manifest was committed"
  expect 'files were modified by this hook' "$hook: nothing was mended"
  manifest 10m | cmp - istiod.yaml || fail "$hook: the manifest was mended wrongly"
  git add .
  commit || fail "$hook: the mended manifest was stopped"
  printf 'ok: %s\n' "$hook"
done
