#!/usr/bin/env bash
# Builds the static webhook of the image, for one architecture or for both at once:
#
#   manifests/image/build.sh FOLDER amd64|arm64...     writes FOLDER/ARCHITECTURE/meshcheck-webhook
#
# Needs rustup and a C compiler for the target: musl-gcc (musl-tools) for amd64, aarch64-linux-gnu-gcc
# (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross) for arm64, of which nothing but the headers goes in.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:?the folder for the binaries}
shift

# target ARCHITECTURE
target() {
  case $1 in
    amd64) echo x86_64-unknown-linux-musl ;;
    arm64) echo aarch64-unknown-linux-musl ;;
    *)
      echo "manifests/image/build.sh: $1 is not amd64 or arm64" >&2
      exit 1
      ;;
  esac
}

export CC_x86_64_unknown_linux_musl=musl-gcc
export CC_aarch64_unknown_linux_musl=aarch64-linux-gnu-gcc
# Rust brings the linker, and musl with it.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld

targets=()
for architecture in "${@:?amd64 or arm64}"; do
  target=$(target "$architecture")
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
  targets+=(--target "$target")
done
cargo build --quiet --release --locked --package meshcheck-webhook "${targets[@]}"
for architecture; do
  mkdir -p "$folder/$architecture"
  built=${CARGO_TARGET_DIR:-target}/$(target "$architecture")/release/meshcheck-webhook
  install -m 0755 "$built" "$folder/$architecture/meshcheck-webhook"
done
