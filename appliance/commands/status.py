"""`boxctl status`: every service at a glance."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from appliance import certificates
from appliance.agent.answers import (
    BackupState,
    CertificateState,
    NodeStatus,
    OperationState,
    ServiceState,
    WorkersState,
)
from appliance.agent.codec import encode
from appliance.agent.protocol import ListOperations, ReadBackups, ReadCertificate, ReadStatus
from appliance.cli import Subcommand, compose
from appliance.commands.common import ask, box, out, plain_errors, reach, say
from appliance.paths import Paths
from appliance.quoting import on_terminal
from appliance.runner import CommandFailed, run

FIGURES = Subcommand(("manage.py", "figures"), "what /metrics says", is_portals=True)
FIGURES_TIMEOUT = 60.0
"""Seconds; a portal whose database is away gives up sooner."""
DIRECTORIES = Subcommand(("manage.py", "directory", "troubles"), "what needs somebody", is_portals=True)
COLUMNS = ("service", "state", "since", "memory", "pid", "health")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="boxctl status", description="How every service is. Exits with 1 when something is wrong."
    )
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.add_argument(
        "--figures", action="store_true", help="with --json: and all that /metrics says; takes some seconds"
    )
    arguments = parser.parse_args()
    if arguments.figures and not arguments.json:
        parser.error("--figures is for --json.")
    with plain_errors():
        paths = box()
        status, has_agent = reach(paths, ReadStatus())
        backups = ask(paths, ReadBackups())
        certificate = _certificate(paths)
        running = [
            operation for operation in ask(paths, ListOperations()).operations if operation.state == "running"
        ]
    if arguments.json:
        data = as_data(status, running, backups, certificate, has_agent=has_agent)
        if arguments.figures:
            data["figures"] = figures(paths)
        say(json.dumps(data, indent=1))
    else:
        show(status, running, backups, has_agent=has_agent)
        for trouble in directory_troubles(paths):
            say(f"Directory: {trouble}", style="red")
    sys.exit(0 if status.is_healthy and has_agent else 1)


def _certificate(paths: Paths) -> CertificateState | None:
    """None before there is one: how the services are is told all the same."""
    return ask(paths, ReadCertificate()) if certificates.current(paths) else None


def as_data(
    status: NodeStatus,
    running: list[OperationState],
    backups: BackupState,
    certificate: CertificateState | None,
    *,
    has_agent: bool,
) -> dict[str, object]:
    """The form for programs. Names are only added to it, so that monitors keep working."""
    services = [
        {
            "name": service.name,
            "title": service.title,
            "state": service.state,
            "is_healthy": service.is_healthy,
            "problem": service.problem,
            "instances": [
                {**encode(instance), "is_healthy": instance.is_healthy} for instance in service.instances
            ],
        }
        for service in status.services
    ]
    return {
        **encode(status),
        "is_healthy": status.is_healthy and has_agent,
        "has_agent": has_agent,
        "services": services,
        "operations": encode(running),
        "backups": metrics_of(backups, status.at),
        "certificate": {
            "not_after": encode(certificate.not_after) if certificate else None,
            "days_left": (certificate.not_after - status.at).days if certificate else None,
        },
    }


def metrics_of(backups: BackupState, now: datetime) -> dict[str, object]:
    """How backups are, in figures that a monitor can follow. Not set up, there are none."""

    def age(moment: datetime | None) -> int | None:
        return max(0, int((now - moment).total_seconds())) if moment else None

    targets = [
        {
            "name": target.name,
            "sets": target.sets,
            "newest_age_seconds": age(
                max((one.ended_at for one in backups.sets if one.target == target.name), default=None)
            ),
            "restorable_age_seconds": age(target.restorable_until),
            "log_age_seconds": age(target.log_until),
            "files_age_seconds": age(target.files_until),
            "free_bytes": target.free,
            "total_bytes": target.total,
            "warnings": [one.kind for one in target.warnings],
        }
        for target in backups.targets
    ]
    return {
        "is_set_up": backups.plan is not None,
        "is_healthy": not backups.warnings,
        "warnings": encode(backups.warnings),
        "targets": targets,
    }


def figures(paths: Paths) -> dict[str, object] | None:
    """What /metrics says, by name; None where the portal cannot count them, as without its database."""
    try:
        found: dict[str, object] = json.loads(_said(FIGURES, paths))
    except (CommandFailed, TimeoutError):
        return None
    return found


def directory_troubles(paths: Paths) -> list[str]:
    """Open questions, conflicts, failures and late runs, a sentence each; none where the portal cannot be
    asked, of which the services tell. For people only: it starts the portal, which takes a second."""
    try:
        told = _said(DIRECTORIES, paths)
    except (CommandFailed, TimeoutError, OSError):
        return []
    return [line.removeprefix("! ") for line in told.splitlines() if line.startswith("! ")]


def _said(subcommand: Subcommand, paths: Paths) -> str:
    """What a part of the portal says, which has the environment that the dispatcher gives it and no other."""
    command, environment = compose(subcommand, (), paths.prefix)
    given = (f"{name}={value}" for name, value in environment.items())
    return run(["env", "-i", *given, *command], timeout=FIGURES_TIMEOUT).stdout


def show(status: NodeStatus, running: list[OperationState], backups: BackupState, *, has_agent: bool) -> None:
    """The form for people: a table on a terminal, tab-separated lines elsewhere."""
    rows = [row for service in status.services for row in rows_of(service, status.at)]
    if out.is_terminal:
        # A monitor that asks every minute needs neither: a fifth of the start.
        from rich.table import Table
        from rich.text import Text

        table = Table(*(column.capitalize() for column in COLUMNS), box=None, pad_edge=False)
        for row, is_healthy in rows:
            table.add_row(*row[:-1], Text(row[-1], style="green" if is_healthy else "red"))
        out.print(table)
    else:
        for row, _ in rows:
            say("\t".join(row))
    for operation in running:
        say(
            f"Running: {operation.kind}, begun by {operation.asked_by}: {operation.progress.text}",
        )
    if status.workers:
        say(workers_line(status.workers))
    if status.read_only:
        say(f"The portal takes no writes. {status.read_only}", style="red")
    for target in backups.targets:
        for problem in target.problems:
            say(f"Backups, {target.name}: {problem}", style="red")
    if not has_agent:
        say(
            "The agent does not answer: the Console cannot see the machine, and nobody watches the disk. "
            "Start it with: boxctl start agent",
            style="red",
        )
    free = status.disk.free / (status.disk.total or 1)
    say(
        f"Korobka {status.version} on {status.node}, {status.disk.free / 2**30:.1f} GiB ({free:.0%}) of the "
        f"disk free.",
    )


def workers_line(workers: WorkersState) -> str:
    """How many web workers the load asks for, and why."""
    line = f"{workers.count} web workers, of {workers.fewest} to {workers.most}."
    return f"{line} {workers.decision.sentence}" if workers.decision else line


def rows_of(service: ServiceState, now: datetime) -> list[tuple[tuple[str, ...], bool]]:
    """One row for each instance, and whether it is well."""
    return [
        (
            (
                instance.name,
                instance.state,
                duration(instance.since, now),
                f"{instance.memory_mb} MB" if instance.memory_mb is not None else "-",
                str(instance.pid or "-"),
                on_terminal(instance.problem) or ("healthy" if instance.is_healthy else instance.state),
            ),
            instance.is_healthy,
        )
        for instance in service.instances
    ]


def duration(since: datetime | None, now: datetime) -> str:
    """How long it runs, in the two largest units."""
    if since is None:
        return "-"
    seconds = max(0, int((now - since.astimezone(UTC)).total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


if __name__ == "__main__":
    main()
