# The development loop. `just` lists the recipes.

set export

# A server program that is missing fails `just ci` and skips its tests elsewhere.
POSTROOM_TEST_NO_SKIP := if env("CI", "") == "" { "" } else { "1" }

[private]
default:
    @just --list --unsorted

# Format, lint, and the tests that need no server: seconds.
quick:
    cargo fmt
    cargo clippy --all-targets
    cargo nextest run --lib --test architecture --test closed_list

# Every test; arguments go to the runner.
test *arguments:
    ./tests/run {{arguments}}

# Measurements beside the floor, about ten minutes (tests/bench/README.md); arguments choose benches: `just bench --bench idle`.
bench *arguments:
    cargo bench {{arguments}}

# The try-out: an embedded server, sample mail, the real daemon.
demo:
    cargo run --release -- demo

# What CI runs, line for line (.ci/run).
ci:
    ./tests/setup
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet
    systemd-analyze security --offline=true --threshold=11 systemd/postroom.service > /dev/null
    cargo deny --locked check bans licenses sources
    cargo run --locked --quiet -- demo --exit
    ./tests/run

# Licences, sources, unwanted crates; and advisories, for which it fetches the RustSec database from GitHub.
deny:
    cargo deny --locked check

# Throw random bytes at everything that reads a stranger's: `just fuzz 180`, `just fuzz 600 guard`.
fuzz *arguments:
    ./tests/fuzz/run {{arguments}}

# The bill of materials in CycloneDX (target/packaging/postroom.cdx.json).
sbom:
    ./systemd/packaging/sbom

# How exposed the service is, line by line.
exposure:
    systemd-analyze security --offline=true systemd/postroom.service
