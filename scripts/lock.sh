#!/bin/sh
# Writes requirements/*.txt anew: the newest versions that pyproject.toml allows, each with the hashes of its files.
# Run it with the oldest supported Python; commit what changes.
#
#   scripts/lock.sh              keeps what is locked, adds and removes what pyproject.toml asks for
#   scripts/lock.sh --upgrade    raises everything
set -eu
cd "$(dirname "$0")/.."

tools=.cache/lock
[ -x $tools/bin/pip-compile ] || { python3 -m venv $tools && $tools/bin/pip install --quiet pip-tools; }

# whose registry, mirror or cache this machine uses is nobody else's business: no option of pip goes into the files
compile() {
    output=$1
    shift
    $tools/bin/pip-compile --quiet --no-header --generate-hashes --allow-unsafe --strip-extras \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        --output-file "requirements/$output" "$@"
}

compile run.txt "$@" pyproject.toml requirements/build.in
compile dev.txt "$@" --extra dev --constraint requirements/run.txt pyproject.toml requirements/build.in
compile schema.txt "$@" --constraint requirements/dev.txt requirements/schema.in

# what clients.in names is a container of files and not to be installed: its own dependencies are not wanted
fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
$tools/bin/pip download --quiet --no-deps --dest "$fetched" --requirement requirements/clients.in
{
    sed 's/ *#.*/ \\/' requirements/clients.in
    $tools/bin/pip hash "$fetched"/*.whl | sed -n 's/^--hash/    --hash/p'
} >requirements/clients.txt

if grep -n '://' requirements/*.txt; then
    echo "a lock file names a registry" >&2
    exit 1
fi
