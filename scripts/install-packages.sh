#!/bin/sh
# Installs the Debian packages among those named that are missing, as root; else says what root has to do.
#
#   scripts/install-packages.sh PACKAGE...
set -eu

installed() { [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

command -v apt-get >/dev/null 2>&1 || { echo "This is not Debian; packages called there: $*" >&2; exit 1; }
missing=
for package; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "Missing. As root: apt-get install$missing" >&2
    exit 1
fi

echo "Installing$missing (from Debian) ..."
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of words
get() { apt-get install --yes --quiet --no-install-recommends $missing; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# the lists may be absent or old; they are fetched only when that is what fails
if ! get >"$log" 2>&1 && ! { apt-get update --quiet && get; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
