# The commands of CI by name. Nothing needs `just`: each recipe is one command to copy.

# what there is
default:
    @just --list

# everything that CI runs
ci:
    .ci/run

# format, lints and documentation
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# all tests
test:
    cargo test --workspace

# the webhook on a real API server and beside a real Istio; the first time it builds both, with Go
e2e:
    KUBEBUILDER_ASSETS="$(tests/e2e/assets.sh)" MESHCHECK_E2E=required cargo test --package meshcheck-webhook --test e2e

# rewrite what is generated, then read the diff
update:
    MESHCHECK_UPDATE=1 cargo test --workspace

# the chart and manifests/install.yaml, by the real helm and kubectl: written anew, then compared
render:
    MESHCHECK_UPDATE=1 cargo test --package meshcheck-webhook --test manifests
    KUBEBUILDER_ASSETS="$(tests/e2e/assets.sh)" MESHCHECK_E2E=required MESHCHECK_UPDATE=1 cargo test --package meshcheck-webhook --test e2e -- render::

# the alerts, by promtool
alerts:
    tests/alerts.sh

# the binaries of the image: static, and both serve; needs both C compilers, and qemu-user
image:
    tests/image.sh amd64 arm64

# what the image is made of, as CycloneDX; needs cargo-cyclonedx
sbom:
    tests/sbom.sh

# licences, banned crates, sources
deny:
    cargo deny --locked --workspace check bans licenses sources

# known vulnerabilities; needs a network
advisories:
    cargo deny --locked --workspace check advisories

# the hooks, by the real pre-commit
precommit:
    tests/precommit.sh

# how fast it is, on a real API server too
bench:
    KUBEBUILDER_ASSETS="$(tests/e2e/assets.sh)" cargo bench --workspace --bench engine --bench read --bench plugin --bench load --bench admission

# the tools to compare with; needs Go
peers:
    tests/bench/peers.sh
