#!/bin/bash
# Run a command as root where the reference building needs it, by sudo unless we already are; the caller gets back
# the caches that it leaves in the project.
set -uo pipefail

if [ "$(id -u)" = 0 ]; then
    exec "$@"
fi
if ! command -v sudo >/dev/null; then
    echo "as-root: the reference building needs root, and there is no sudo here" >&2
    exit 1
fi
sudo --preserve-env=R2S_CORPUS,R2S_SEEDS,R2S_LANG,TERM,NO_COLOR PYTHONDONTWRITEBYTECODE=1 "$@"
status=$?
for made in .pytest_cache .hypothesis; do
    [ ! -e "$made" ] || sudo chown --recursive --no-dereference "$(id -u):$(id -g)" "$made"
done
exit "$status"
