#!/bin/sh
# Makes the virtual environment .venv in the checkout: exactly the locked versions, and petset itself, editable.
#
#   scripts/setup.sh run    what petset needs to run
#   scripts/setup.sh dev    that, and what its tests and checks need
#
# PYTHON names another interpreter (3.11 or later). A stamp in .venv makes the next run instant; the Makefile looks at it.
set -eu
cd "$(dirname "$0")/.."

what=${1:-dev}
lock=requirements/$what.txt
[ -f "$lock" ] || { echo "usage: scripts/setup.sh run|dev" >&2; exit 2; }

suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

makes_environments() { "$1" -c 'import ensurepip' 2>/dev/null; }

# One that can make virtual environments first: nothing has to be installed for it then. And the distribution's first:
# it was built with what a profile told, and one that was built by hand or by pyenv takes longer for everything.
find_python() {
    candidates=${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11}
    for also in makes_environments true; do
        for candidate in $candidates; do
            if suits "$candidate" && "$also" "$candidate"; then
                echo "$candidate"
                return
            fi
        done
    done
    echo "petset needs Python 3.11 or later; PYTHON=/path/to/python3 names one." >&2
    exit 1
}

if ! [ -x .venv/bin/python ] || ! suits .venv/bin/python; then
    python=$(find_python)
    # Debian keeps the part of Python that makes virtual environments in a package of its own
    makes_environments "$python" || scripts/install-packages.sh python3-venv
    echo "Making .venv with $("$python" --version) ..."
    "$python" -m venv .venv
fi

echo "Installing what $lock names ..."
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install --quiet --require-hashes --requirement "$lock"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
# compiled once, now: where PYTHONDONTWRITEBYTECODE is set, every start would compile everything again (0.2 s)
.venv/bin/python -m compileall -q src
touch .venv/run.stamp ".venv/$what.stamp"
