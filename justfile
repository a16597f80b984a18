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

# licences, banned crates, sources
deny:
    cargo deny --locked --workspace check bans licenses sources

# known vulnerabilities; needs a network
advisories:
    cargo deny --locked --workspace check advisories

# the hooks, by the real pre-commit
precommit:
    tests/precommit.sh

# how fast it is
bench:
    cargo bench --workspace --bench engine --bench read --bench plugin

# the tools to compare with; needs Go
peers:
    tests/bench/peers.sh
