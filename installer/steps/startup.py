"""What starts the box with the machine: systemd by its units; elsewhere what the machine has."""

from __future__ import annotations

import shutil
from enum import Enum
from pathlib import Path

from appliance import quoting, users
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.runner import run
from installer.steps.base import Host, Step
from installer.words import said

SCRIPT = Path("/etc/init.d/korobka")
CRON = Path("/etc/cron.d/korobka")

_SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          korobka
# Required-Start:    $local_fs $network $remote_fs $syslog
# Required-Stop:     $local_fs $network $remote_fs $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: the company's portal
### END INIT INFO
# Written by the installer.
case "$1" in
    start|stop|restart) exec {boxctl} "$1" ;;
    status) exec {boxctl} status ;;
    *) echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
esac
"""
_CRON = """\
# Written by the installer: starts the box with the machine.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
@reboot root {boxctl} start
"""

_NOBODY = (
    "NOTHING starts the box after a restart of this machine: it has no systemd, no init scripts, no cron. "
    "Have `{boxctl} start` run at its start; in a container as its entry point: "
    "sh -c '{boxctl} start && exec sleep infinity'."
)


class Starter(Enum):
    """Who starts the box after a restart of the machine."""

    SYSTEMD = "systemd"
    INIT = str(SCRIPT)
    CRON = str(CRON)
    NOBODY = ""


def starter(*, first_process: str, has_systemd: bool) -> Starter:
    """Who it is on a machine with this first process. An init script is good only where init runs it."""
    if has_systemd:
        return Starter.SYSTEMD
    if first_process == "init" and shutil.which("update-rc.d"):
        return Starter.INIT
    return Starter.CRON if shutil.which("cron") else Starter.NOBODY


def _starter_here() -> Starter:
    first = Path("/proc/1/comm").read_text(encoding="utf-8").strip()
    return starter(first_process=first, has_systemd=Path("/run/systemd/system").is_dir())


def remove() -> None:
    """With the box goes what would start it."""
    if SCRIPT.exists():
        SCRIPT.unlink()
        run(["update-rc.d", "korobka", "remove"], check=False)
    CRON.unlink(missing_ok=True)


def is_machines(paths: Paths) -> bool:
    """Whether the box is the machine's own. One under a prefix is started by whoever has made it."""
    return users.are_separated() and paths.prefix == paths.prefix.parent


def _is_started(host: Host) -> bool:
    if not is_machines(host.paths):
        return True
    who = _starter_here()
    if who is Starter.NOBODY:
        host.news.append(said(_NOBODY, boxctl=host.paths.boxctl))
        return True
    if who is Starter.SYSTEMD:
        return True
    host.news.append(
        said("After a restart of this machine the box is started by {starter}.", starter=who.value)
    )
    file, text, _ = _wanted(host, who)
    return file.exists() and file.read_text(encoding="utf-8") == text


def _start_with_machine(host: Host) -> None:
    who = _starter_here()
    file, text, mode = _wanted(host, who)
    write_atomically(file, text, mode=mode)
    if who is Starter.INIT:
        run(["update-rc.d", "korobka", "defaults"])


def _wanted(host: Host, who: Starter) -> tuple[Path, str, int]:
    boxctl = quoting.shell(host.paths.boxctl)
    if who is Starter.INIT:
        return SCRIPT, _SCRIPT.format(boxctl=boxctl), 0o755
    return CRON, _CRON.format(boxctl=boxctl), 0o644


STEPS = (Step("Start with the machine", _is_started, _start_with_machine),)
