#!/usr/bin/env bash
# What the image is made of, as CycloneDX: every crate of the static binary, with version, licence and
# checksum. Written below target/, since it is of one build; prints where.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${CARGO_TARGET_DIR:-target}/sbom
name=meshcheck-webhook
mkdir -p "$folder"
trap 'find . -path ./target -prune -o -name "*.$name.cdx.json" -exec rm -f {} +; rm -f ./*/$name.cdx.json ./$name.cdx.json' EXIT
cargo cyclonedx --quiet --manifest-path webhook/Cargo.toml --format json --no-build-deps \
  --target x86_64-unknown-linux-gnu --override-filename "$name.cdx"
mv "webhook/$name.cdx.json" "$folder/$name.cdx.json"
# One that lost the crates that everything hangs on would be worth nothing.
for crate in axum rustls serde_json tokio meshcheck-rules; do
  grep -q "\"name\": \"$crate\"" "$folder/$name.cdx.json" || {
    printf 'tests/sbom.sh: no %s in it\n' "$crate" >&2
    exit 1
  }
done
printf '%s\n' "$folder/$name.cdx.json"
