#!/usr/bin/env bash
# What can be shown of the image without a container runtime: the binary of each architecture is static,
# and that of this machine serves from a folder with nothing in it, as the user of the image.
#
#   tests/image.sh [amd64] [arm64]     default: amd64
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
server=""
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

fail() {
  printf 'tests/image.sh: %s\n' "$*" >&2
  exit 1
}

# is_static BINARY MACHINE
is_static() {
  local headers
  headers=$(readelf --wide --file-header --program-headers --dynamic "$1")
  grep -q "Machine: *$2" <<<"$headers" || fail "$1 is not for $2"
  ! grep -qE 'INTERP|\(NEEDED\)' <<<"$headers" || fail "$1 needs a loader or a library"
}

# From an empty root, as on `scratch`; that takes root. Without it, from here.
serves() {
  local ports=$((20000 + $$ % 20000)) run=("$folder/root/meshcheck-webhook")
  if [ "$(id -u)" = 0 ]; then
    run=("$(command -v chroot)" --userspec=65532:65532 "$folder/root" /meshcheck-webhook)
  fi
  env -i "${run[@]}" --self-signed --log-level=error --shutdown-delay=0s \
    --listen="127.0.0.1:$ports" --health-listen="127.0.0.1:$((ports + 1))" &
  server=$!
  curl --silent --show-error --fail --retry 50 --retry-delay 1 --retry-all-errors --max-time 60 \
    "http://127.0.0.1:$((ports + 1))/readyz" >/dev/null
  kill "$server"
  wait "$server" || fail "it did not stop as asked"
  server=""
}

for architecture in "${@:-amd64}"; do
  manifests/image/build.sh "$architecture" "$folder/$architecture"
  case $architecture in
    amd64) is_static "$folder/amd64/meshcheck-webhook" 'Advanced Micro Devices X86-64' ;;
    arm64) is_static "$folder/arm64/meshcheck-webhook" AArch64 ;;
  esac
  printf '%s: static, %s bytes\n' "$architecture" "$(stat -c %s "$folder/$architecture/meshcheck-webhook")"
done

case $(uname -m) in
  x86_64) here=amd64 ;;
  aarch64) here=arm64 ;;
  *) here="" ;;
esac
if [ -x "$folder/$here/meshcheck-webhook" ]; then
  mkdir -m 0755 "$folder/root"
  chmod 0755 "$folder"
  cp "$folder/$here/meshcheck-webhook" "$folder/root/"
  serves
  printf '%s: serves from an empty root\n' "$here"
fi
