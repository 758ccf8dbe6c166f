"""From a prepared box to a running one."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path

from appliance.services import Service, enabled
from installer import release
from installer.steps.base import Host, Notice, Step
from installer.steps.configuration import write_service_files


def _is_release_current(host: Host) -> bool:
    return host.paths.current.resolve() == host.release.resolve()


def _switch_release(host: Host) -> None:
    outdated = [service.name for service in enabled(host.node) if _has_other_program(host, service)]
    host.owe_notice(outdated, Notice.RESTART)
    release.switch(host.paths, host.release)
    write_service_files(host)


def _has_other_program(host: Host, service: Service) -> bool:
    """Whether the release to come brings the service another program. Python is the same, its code not."""
    program = Path(service.command(host.node, "1")[0])
    if not program.is_relative_to(host.paths.current):
        return False
    successor = host.release / program.relative_to(host.paths.current)
    return program.name.startswith("python") or not filecmp.cmp(program, successor, shallow=False)


def _do_all_run(host: Host) -> bool:
    return not host.notices_due and all(status.is_healthy for status in host.supervisor.status())


def _run_all(host: Host) -> None:
    """Starts what stands still. What runs takes notice of what has changed: by a signal, or by a restart."""
    due = host.notices_due
    for status in host.supervisor.status(with_health=False):
        notices = {due.get(status.service), due.get(status.instance)}
        if status.pid and Notice.RESTART in notices:
            host.supervisor.restart(status.instance, progress=host.outcome.doing)
        elif status.pid and Notice.RELOAD in notices:
            host.supervisor.reload(status.instance, progress=host.outcome.doing)
    host.supervisor.start(progress=host.outcome.doing)
    host.gave_notice(*due)


def _are_old_releases_gone(host: Host) -> bool:
    return not release.superfluous(host.paths)


def _remove_old_releases(host: Host) -> None:
    for folder in release.superfluous(host.paths):
        shutil.rmtree(folder)


STEPS = (
    Step("Running release", _is_release_current, _switch_release),
    Step("Services", _do_all_run, _run_all),
    Step("Old releases", _are_old_releases_gone, _remove_old_releases),
)
