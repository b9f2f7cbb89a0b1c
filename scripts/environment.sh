# shellcheck shell=bash
# Read by the other scripts: where the checkout is, where the cache is, which versions of tools are used, how to say things.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything costly that is not part of the checkout: build output, tools, sample media. May be deleted at any time.
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/zhixing"
# Exit code of a stage or test that could not be run here; the reason is a line `skipped: …`.
# shellcheck disable=SC2034  # used by the scripts that read this file
SKIPPED=77

CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2
export ROOT CACHE CARGO_DENY_VERSION CARGO_FUZZ_VERSION

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Leaves the stage as skipped, with the reason.
skip() {
    say "skipped: $*"
    exit "$SKIPPED"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Where cargo puts what it builds for this checkout.
target_folder() { printf '%s\n' "${CARGO_TARGET_DIR:-$ROOT/target}"; }
