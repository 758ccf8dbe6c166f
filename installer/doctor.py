"""`boxctl doctor`: the preflight again, and a look at everything that runs. Finding nothing, it says so."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance import certificates, service_files
from appliance.cluster import topology
from appliance.config import ConfigError
from appliance.node import Node
from appliance.paths import Paths
from appliance.quoting import on_terminal
from appliance.services.database import setup as database
from appliance.supervise import Status, SupervisorError, supervisor_for
from installer import facts, options, portal_check, preflight, schema, telephony_check
from installer.findings import Finding
from installer.portal_commands import manage
from installer.release import Source
from installer.steps.base import DUE


def main(arguments: argparse.Namespace) -> int:
    found = list(examine(arguments.prefix.absolute(), tuple(arguments.accepted)))
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=1))  # noqa: T201
    else:
        for finding in found:
            print(on_terminal(str(finding)))  # noqa: T201
        if not found:
            print("Nothing found: this box is well.")  # noqa: T201
    return 0 if all(finding.is_warning for finding in found) else 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_prefix(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--accept", dest="accepted", action="append", default=[], metavar="CHECK", help="leave out this check"
    )


def examine(prefix: Path, accepted: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Everything that is wrong with the box under `prefix`."""
    said = options.Options(prefix=prefix, accepted=accepted)
    paths = said.paths
    if not paths.current.exists():
        yield Finding("installation", f"There is no box under {prefix}.", "Run install.sh.")
        return
    if prefix == prefix.parent and os.geteuid() != 0:
        yield Finding("rights", "Only root may look into this box.", "sudo boxctl doctor")
        return
    source = Source(paths.current.resolve())
    yield from preflight.findings(facts.gather(paths, source), said)
    try:
        node = Node.load(paths)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding(
                "configuration", f"{error.file}, {problem}", "Correct that line; then: boxctl config apply."
            )
        return
    yield from _installation(node)
    yield from _certificate(node)
    unwell = list(_services(node))
    yield from unwell or portal_check.findings(node)
    if not any(finding.check == "database" for finding in unwell):
        yield from _tables(node)
        yield from _administrators(node)
        if node.box.telephony.enabled:
            yield from telephony_check.findings(node)
        yield from _directories(node)


def _installation(node: Node) -> Iterator[Finding]:
    if (node.paths.etc / DUE).exists():
        yield Finding(
            "installation", "An installation was interrupted.", "Run install.sh again: it finishes."
        )
    if topology.unfinished(node.paths).exists():
        yield Finding("cluster", "The box is half a node of a cluster.", topology.WAS_CUT_SHORT)
    if stale := service_files.pending(node):
        yield Finding(
            "configuration",
            f"box.toml says something else than {', '.join(stale)} was told.",
            "boxctl config apply",
        )
    notice = node.paths.run / "state/read-only"
    if notice.exists():
        yield Finding("disk", notice.read_text().strip(), "Free space; the box takes writes again by itself.")


def _tables(node: Node) -> Iterator[Finding]:
    """Whether the running release and the tables are for each other."""
    running = node.paths.current.resolve()
    applied = frozenset(database.applied(node))
    if newer := schema.unknown(applied, running, node.paths.releases.glob("[!.]*")):
        yield Finding("tables", schema.refusal(newer), schema.CURE)
    elif missing := schema.Schema.of(running).migrations - applied:
        yield Finding(
            "tables",
            f"The tables are of an older release: {min(missing)} is missing.",
            "Run install.sh again: it brings them up to date.",
        )


def _administrators(node: Node) -> Iterator[Finding]:
    listed = manage(node, node.release, "user", "list", "--administrators", check=False)
    if listed.code == 0 and not listed.stdout.strip():
        yield Finding(
            "administrator",
            "Nobody can sign in as an administrator.",
            "sudo boxctl user create EMAIL --administrator",
        )


def _directories(node: Node) -> Iterator[Finding]:
    """What the portal itself tells of them, where it can be asked."""
    told = manage(node, node.release, "directory", "troubles", check=False)
    for line in told.stdout.splitlines() if told.code == 0 else ():
        if line.startswith("! "):
            yield Finding(
                "directory", line.removeprefix("! "), "Console, Directories; or boxctl directory status.",
                is_warning=True,
            )  # fmt: skip


def _certificate(node: Node) -> Iterator[Finding]:
    try:
        bundle = certificates.current(node.paths)
        if bundle is None:
            yield Finding("certificate", "The box has no certificate.", "Run install.sh again: it makes one.")
            return
        certificates.check(bundle, node.box.public_name)
    except certificates.CertificateRefused as error:
        yield Finding("certificate", str(error), "boxctl certificate replace")
        return
    left = certificates.info(node.paths).not_after - datetime.now(UTC)
    if left < timedelta(days=21):
        yield Finding(
            "certificate",
            f"The certificate ends in {left.days} days.",
            "boxctl certificate replace; the box's own is renewed by install.sh.",
        )


def _services(node: Node) -> Iterator[Finding]:
    try:
        statuses = supervisor_for(node).status()
        yield from _of_other_releases(node.paths, statuses)
        for status in statuses:
            if not status.is_healthy:
                yield Finding(
                    status.service,
                    f"{status.instance} is {status.state}: {status.problem or 'no reason known'}",
                    f"boxctl logs {status.service} says why; boxctl restart {status.service} renews it.",
                )
    except SupervisorError as error:
        yield Finding("services", str(error), "boxctl start")


def _of_other_releases(paths: Paths, statuses: Iterable[Status]) -> Iterator[Finding]:
    """Services that were started from a release that is not the running one any more."""
    for status in statuses:
        try:
            place = Path(f"/proc/{status.pid}/cwd").resolve(strict=True)
        except OSError:
            continue
        if place.is_relative_to(paths.releases.resolve()) and place != paths.current.resolve():
            yield Finding(
                status.service,
                f"{status.instance} still runs {place.name}, and the box is {paths.current.resolve().name}.",
                f"boxctl restart {status.service}; or install.sh, which finishes what was interrupted.",
            )
