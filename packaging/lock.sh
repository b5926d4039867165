#!/bin/bash
# Resolve pyproject.toml again and write the three hashed lists of requirements/:
#   lock.txt   everything: run time, tests, linters, the build back end
#   agent.txt  what the program needs to run, and nothing else (a subset of lock.txt)
#   uv.txt     the resolver itself, used here alone
# Newer releases are taken only when asked for: packaging/lock.sh --upgrade [--upgrade-package NAME …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=.make/uv/bin/uv
if ! { [ -x "$uv" ] && cmp -s requirements/uv.txt .make/uv/installed.txt; }; then
    rm -rf .make/uv
    "${PYTHON:-python3}" -m venv .make/uv
    .make/uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/uv.txt
    cp requirements/uv.txt .make/uv/installed.txt
fi

# Universal: one list for every supported Python; markers say what differs. No index address in the result.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}
compile --all-extras --output-file requirements/lock.txt "$@" pyproject.toml
compile --constraint requirements/lock.txt --output-file requirements/agent.txt pyproject.toml
echo uv | compile --output-file requirements/uv.txt "$@" -
wc -l requirements/lock.txt requirements/agent.txt requirements/uv.txt
