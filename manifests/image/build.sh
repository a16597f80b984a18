#!/usr/bin/env bash
# Builds the static webhook of the image:
#
#   manifests/image/build.sh amd64|arm64 FOLDER
#
# Needs rustup and a C compiler for the target: musl-gcc (musl-tools) for amd64, aarch64-linux-gnu-gcc
# (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross) for arm64, of which nothing but the headers goes in.
set -euo pipefail
cd "$(dirname "$0")/../.."

architecture=${1:?amd64 or arm64}
folder=${2:?the folder for the binary}
case $architecture in
  amd64)
    target=x86_64-unknown-linux-musl
    export CC_x86_64_unknown_linux_musl=musl-gcc
    ;;
  arm64)
    target=aarch64-unknown-linux-musl
    export CC_aarch64_unknown_linux_musl=aarch64-linux-gnu-gcc
    # Rust brings the linker, and musl with it.
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
    ;;
  *)
    echo "manifests/image/build.sh: $architecture is not amd64 or arm64" >&2
    exit 1
    ;;
esac

rustup target list --installed | grep -qx "$target" || rustup target add "$target"
cargo build --quiet --release --locked --package meshcheck-webhook --target "$target"
mkdir -p "$folder"
install -m 0755 "${CARGO_TARGET_DIR:-target}/$target/release/meshcheck-webhook" "$folder/meshcheck-webhook"
