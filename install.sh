#!/bin/sh
# Installs Korobka on a fresh Debian 13, repairs what is installed, or upgrades it to the version that this file lies in.
# `./install.sh --help` lists the options. The work is done in Python (installer/): this only finds a Python to do it with.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd)
python=/usr/bin/python3 # Debian's own: another python3 on PATH may be of any version

say() { printf '%s\n' "$*" >&2; }

# The installer checks the machine thoroughly. Only what must be right before Python can run is looked at here.
if ! grep -qs '^ID=debian$' /etc/os-release || ! grep -qs '^VERSION_ID="13"$' /etc/os-release; then
    say "This is not Debian 13: install Debian 13 (trixie) on this machine, then run install.sh again."
    exit 1
fi

if [ ! -x "$python" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        say "Python is missing. As root: apt-get install python3 python3-venv"
        exit 1
    fi
    say "This machine has no Python yet: installing Debian's."
    export DEBIAN_FRONTEND=noninteractive
    if [ -d "$here/debian" ]; then # a bundle for machines without a network brings it
        # apt clears away what it does not know among its lists.
        scratch=$(mktemp -d)
        mkdir -p "$scratch/lists/partial"
        printf 'deb [trusted=yes] file:%s/debian ./\n' "$here" >"$scratch/sources.list"
        debian_apt() {
            apt-get -o "Dir::Etc::sourcelist=$scratch/sources.list" -o Dir::Etc::sourceparts=- \
                -o "Dir::State::lists=$scratch/lists" -o APT::Sandbox::User=root "$@"
        }
    else
        debian_apt() { apt-get "$@"; }
    fi
    if ! debian_apt update -qq >/dev/null || ! debian_apt install -y -qq --no-install-recommends python3 >/dev/null; then
        say "Debian's python3 cannot be installed: make 'apt-get install python3' work, then run install.sh again."
        exit 1
    fi
fi

# -P: nothing is imported from the folder in which the administrator happens to stand.
# -B: a checkout may be read-only, and root's compiled files do not belong in it.
PYTHONPATH=$here exec "$python" -P -B -m installer install "$@"
