#!/usr/bin/env bash
# Sets up what the tests need on a fresh Debian 13, and runs those of a tier (docs/dev/tests.md). Nothing skips.
# Needs root, for the packages and for the boxes that it installs into fresh Debian roots.
#
#     tests/run.sh             what always runs
#     tests/run.sh changed     and every area that has changed since it last passed
#     tests/run.sh whole       everything, in both languages and at every stage
#     tests/run.sh whole AREA ...    so of these areas of tests/areas.toml alone
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "tests/run.sh installs Debian packages: run it as root, or run 'make test' for what needs none." >&2
  exit 1
fi

packages=(
  ca-certificates git make python3-venv libmagic1t64
  libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0   # papers as PDF
  postgresql-17 haproxy memcached pgbackrest rclone age   # the parts of a box
  python3-ldap python3-gssapi               # signing in with a directory
  openssl strace openssh-server openssh-client   # to look at what they do, and to speak to
  chromium libnss3-tools fonts-dejavu-core fonts-noto-color-emoji
  mmdebstrap systemd-container dbus iproute2 nftables util-linux e2fsprogs   # fresh Debian roots
  samba-ad-dc samba-ad-provision winbind krb5-user ldb-tools python3-samba samba-dsdb-modules   # an Active Directory
  slapd ldap-utils                          # an OpenLDAP
  etcd-server etcd-client patroni python3-etcd keepalived   # a cluster
  libfaketime                               # a clock that is wrong
  sip-tester                                # phones, for the Asterisk that the tests make a root of
  lame                                      # a sound as people have it
  coturn                                    # a relay, for phones in browsers
  shellcheck vagrant
  fdisk dosfstools mtools qemu-utils qemu-system-x86 ovmf   # the image, and a machine that it starts
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} != 0 ]; then
  # The box makes its own cluster; Debian's default one would only lie about.
  mkdir -p /etc/postgresql-common
  grep -qs '^create_main_cluster = false' /etc/postgresql-common/createcluster.conf ||
    echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf
  mkdir -p /etc/systemd/system
  # Tests start directory servers of their own; Debian's must neither start now nor with the machine.
  for unit in samba-ad-dc smbd nmbd winbind slapd etcd patroni keepalived; do
    [ -e "/usr/lib/systemd/system/$unit.service" ] || ln -sf /dev/null "/etc/systemd/system/$unit.service"
  done
  policy=/usr/sbin/policy-rc.d
  own_policy=
  if [ ! -e $policy ]; then
    own_policy=$policy
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
  rm -f $own_policy
fi

# Tests start many processes of the portal: what is compiled once is read by all of them.
unset PYTHONDONTWRITEBYTECODE
make --no-print-directory setup
stop_parts() { .venv/bin/python -m tests.parts stop || true; }
trap stop_parts EXIT

.venv/bin/python -m tests.tiers "$@"
