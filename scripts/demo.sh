#!/bin/sh
# Runs examples/web.yaml in real containers. PETSET_DATA_DIR chooses another data directory.
set -eu
cd "$(dirname "$0")/.."

scripts/install-engine.sh
.venv/bin/python -m compileall -q src # what changed since the set-up, see scripts/setup.sh
# `demo-down` deletes the data directory only when the demo was the one to make it
.venv/bin/python scripts/demo_image.py --remember .cache/demo-data-dir
exec .venv/bin/petset up -f examples/web.yaml --detach
