#!/bin/sh
# Ends what `make demo` started: pods, volumes, server, container engine of its own, and the data directory.
# A data directory that was there before the demo is left where it is.
set -eu
cd "$(dirname "$0")/.."

record=.cache/demo-data-dir
if [ -f $record ]; then
    PETSET_DATA_DIR=$(cat $record)
    export PETSET_DATA_DIR
fi
.venv/bin/petset down --delete-volumes
.venv/bin/python scripts/forget_demo.py $record
