#!/bin/bash
# Make .venv exactly what requirements/lock.txt says, with the project itself in it; does nothing where it already is.
#
# .venv/.ready holds the digest of what .venv was made from. It is written last: an interrupted, older, moved or
# broken .venv has no such digest, or an interpreter that does not start, and is made anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'venv: %s\n' "$*" >&2; }

recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# The interpreter that PYTHON names, else the first on the path that is recent enough; it must be able to make venvs.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if command -v "$candidate" >/dev/null && recent_enough "$candidate" && has_venv "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

digest() {
    { pwd; cat requirements/lock.txt pyproject.toml r2s_audit/__init__.py packaging/venv.sh; } | sha256sum | cut -d' ' -f1
}

wanted=$(digest)
if [ "$(cat .venv/.ready 2>/dev/null)" = "$wanted" ] && [ -x .venv/bin/r2s-audit ] && recent_enough .venv/bin/python; then
    exit 0
fi

if ! python=$(find_python) && [ -z "${PYTHON:-}" ]; then
    packaging/install-debian.sh packaging/debian-agent.txt
    python=$(find_python) || true
fi
if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>&1) || found=none
    say "Python 3.11 or newer with its venv module is needed; found: $found."
    say "Install one (Debian 12: python3, python3-venv) or name it: make PYTHON=/path/to/python3.12 ..."
    exit 1
fi

say "making .venv with $("$python" --version), from requirements/lock.txt"
rm -rf .venv
"$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet --quiet install --no-deps)
"${pip[@]}" --require-hashes --only-binary :all: --requirement requirements/lock.txt
# compat: a plain path in a .pth file. The default's import hook costs every start of the program its own time.
"${pip[@]}" --no-build-isolation --config-settings editable_mode=compat --editable .
.venv/bin/python -m pip --disable-pip-version-check --quiet check >&2
printf '%s\n' "$wanted" >.venv/.ready
