#!/bin/sh
# Makes sure that containers can run here: nothing to do when an engine answers or Podman is installed,
# else Podman, runc and what they need are installed from Debian. petset starts a Podman service of its own.
#
#   scripts/install-engine.sh           installs, as root
#   scripts/install-engine.sh --check   only says what is missing; exit code 1 when something is
set -eu

PACKAGES="podman runc conmon catatonit netavark"

say() { printf '%s\n' "$*"; }

answers() {
    # an engine that listens accepts connections; a socket left over by a dead one refuses them
    [ -S "$1" ] || return 1
    if command -v curl >/dev/null 2>&1; then
        curl --silent --fail --max-time 5 --output /dev/null --unix-socket "$1" http://engine/_ping
    elif command -v python3 >/dev/null 2>&1; then
        python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null
    else
        return 1
    fi
}

missing_packages() {
    for package in $PACKAGES; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s ' "$package"
    done
}

engine=${PETSET_ENGINE:-${CONTAINER_HOST:-${DOCKER_HOST:-}}}
for socket in "${engine#unix://}" /run/podman/podman.sock /var/run/docker.sock; do
    # the pause image is made of catatonit, with any engine
    if [ -n "$socket" ] && answers "$socket" && command -v catatonit >/dev/null 2>&1; then
        say "A container engine answers at $socket."
        exit 0
    fi
done

if ! command -v dpkg-query >/dev/null 2>&1; then
    say "No container engine answers, and this is not Debian: install podman, runc, conmon and catatonit." >&2
    exit 1
fi

missing=$(missing_packages)
if [ -z "$missing" ]; then
    say "Podman is installed; petset starts a service of its own."
    exit 0
fi
if [ "${1:-}" = --check ]; then
    say "Missing packages: $missing" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    say "No container engine answers. As root: apt-get install $missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
say "Installing $missing(from Debian) ..."
# the lists may be absent or old; they are fetched only when that is what fails
# shellcheck disable=SC2086  # a list of words
install() { apt-get install --yes --quiet --no-install-recommends $missing; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install >"$log" 2>&1 && ! { apt-get update --quiet && install; } >"$log" 2>&1; then
    cat "$log" >&2
    say "Installing the container engine failed; the words of apt-get are above." >&2
    exit 1
fi
say "$(podman --version) is installed; petset starts a service of its own."
