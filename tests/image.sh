#!/usr/bin/env bash
# What can be shown of the image without a container runtime: the binary of each architecture is static and
# serves, that of this machine from a folder with nothing in it, as the user of the image, where it finds by
# name what the kubelet writes into a container's /etc/hosts. The other one needs qemu-user.
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

# serves COMMAND...: it starts, is ready, refuses the istiod of the first outage, and stops as asked.
serves() {
  local ports=$((20000 + $$ % 20000)) answer
  env -i "$@" --self-signed --log-level=warn --shutdown-delay=0s \
    --listen="127.0.0.1:$ports" --health-listen="127.0.0.1:$((ports + 1))" 2>"$folder/log" &
  server=$!
  curl --silent --show-error --fail --retry 50 --retry-delay 1 --retry-all-errors --max-time 60 \
    "http://127.0.0.1:$((ports + 1))/readyz" >/dev/null || fail "it is not ready: $(cat "$folder/log")"
  answer=$(curl --silent --show-error --fail --insecure --header 'content-type: application/json' \
    --data-binary @tests/fixtures/outages/stale-streams/review.json "https://127.0.0.1:$ports/validate")
  grep -q '"allowed":false' <<<"$answer" || fail "it answers $answer"
  kill "$server"
  wait "$server" || fail "it did not stop as asked"
  server=""
}

# From an empty root as the image's user, as on `scratch`; that takes root. Without it, from here.
serves_from_nothing() {
  local user
  user=$(awk '$1 == "USER" { print $2 }' Containerfile)
  grep -qxE '[1-9][0-9]*:[1-9][0-9]*' <<<"$user" || fail "the user of the image is '$user', not one by number"
  mkdir -m 0755 "$folder/root"
  chmod 0755 "$folder"
  cp "$1" "$folder/root/"
  if [ "$(id -u)" = 0 ]; then
    mkdir "$folder/root/etc"
    echo '127.0.0.1 collector.test' >"$folder/root/etc/hosts"
    # Nobody listens at port 9, so that it is known whether the name was found.
    serves "$(command -v chroot)" --userspec="$user" "$folder/root" /meshcheck-webhook \
      --otlp-endpoint=http://collector.test:9
    grep -q 'spans do not reach the collector.*Connection refused' "$folder/log" ||
      fail "a name is not found from an empty root: $(cat "$folder/log")"
  else
    serves "$folder/root/meshcheck-webhook"
  fi
}

[ $# -gt 0 ] || set -- amd64
manifests/image/build.sh "$folder" "$@"
for architecture; do
  case $architecture in
    amd64) is_static "$folder/amd64/meshcheck-webhook" 'Advanced Micro Devices X86-64' ;;
    arm64) is_static "$folder/arm64/meshcheck-webhook" AArch64 ;;
  esac
  printf '%s: static, %s bytes\n' "$architecture" "$(stat -c %s "$folder/$architecture/meshcheck-webhook")"
done

case $(uname -m) in
  x86_64) here=amd64 foreign=arm64 emulator=$(command -v qemu-aarch64 || true) ;;
  aarch64) here=arm64 foreign=amd64 emulator=$(command -v qemu-x86_64 || true) ;;
  *) fail "no image is for this machine" ;;
esac
if [ -x "$folder/$here/meshcheck-webhook" ]; then
  serves_from_nothing "$folder/$here/meshcheck-webhook"
  printf '%s: serves from an empty root\n' "$here"
fi
if [ -x "$folder/$foreign/meshcheck-webhook" ]; then
  [ -n "$emulator" ] || fail "$foreign is not tried: there is no qemu-user"
  serves "$emulator" "$folder/$foreign/meshcheck-webhook"
  printf '%s: serves, emulated\n' "$foreign"
fi
