#!/usr/bin/env bash
# Builds the static webhook of the image, for one architecture or for both at once:
#
#   manifests/image/build.sh FOLDER amd64|arm64...     writes FOLDER/ARCHITECTURE/meshcheck-webhook
#
# Needs rustup and GCC for each target, on Debian gcc and gcc-aarch64-linux-gnu with libc6-dev-arm64-cross, or
# gcc-x86-64-linux-gnu with libc6-dev-amd64-cross where the machine is the other one. Linked with glibc: with
# musl, which compares and copies byte by byte, two thirds as many reviews are answered in a second.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:?the folder for the binaries}
shift

# target ARCHITECTURE
target() {
  case $1 in
    amd64) echo x86_64-unknown-linux-gnu ;;
    arm64) echo aarch64-unknown-linux-gnu ;;
    *)
      echo "manifests/image/build.sh: $1 is not amd64 or arm64" >&2
      exit 1
      ;;
  esac
}

# By their full names, under which they are there on either machine.
export CC_x86_64_unknown_linux_gnu=x86_64-linux-gnu-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# A static program finds no function of glibc by its name, and /dev/urandom need not be there: random numbers
# come from the kernel's call.
flags='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"'
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=$flags
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=$flags

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
