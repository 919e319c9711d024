# Shared by the scripts of this directory; sourced, never run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Where release binaries stand. Everything but the unit tests runs against these.
release_dir() { echo "${ALOFT_BIN_DIR:-$PWD/.build/release}"; }
