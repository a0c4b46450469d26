#!/bin/sh
# Ends what `make demo` started: pods, volumes, server, container engine of its own, and the data directory.
# A data directory that was there before the demo is left where it is.
set -eu
cd "$(dirname "$0")/.."

.venv/bin/petset down --delete-volumes
if [ -f .cache/demo-data-dir ]; then
    made=$(cat .cache/demo-data-dir)
    rm -rf -- "${made:?}"
    rm -f .cache/demo-data-dir
    echo "Deleted $made."
fi
