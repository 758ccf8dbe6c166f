"""`boxctl upgrade ARCHIVE`: looks at a release, shows what will change, and begins it.

Performing is `installer.upgrade`: a long operation with a journal, which goes back by itself.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from appliance.agent import operations, operations_log
from appliance.agent.operations_log import Asker
from appliance.agent.upgrades import UPGRADE
from appliance.backup_file import is_set_up
from appliance.cluster import topology
from appliance.commands.common import box, fail, follow, plain_errors, say
from appliance.paths import Paths
from installer import facts, preflight, release, schema, signing
from installer.options import Options
from installer.release import BadArchive, Source
from installer.schema import Schema
from installer.signing import NotSigned

UNPACKED = ".unpacked-"
"""Beside the releases, until the upgrade is over."""


class UpgradeRefused(Exception):
    """It would not work, or could not be taken back; nothing was changed."""


@dataclass(frozen=True)
class Plan:
    """What an upgrade will do."""

    running: Source
    wanted: Source
    new_migrations: int
    has_backup: bool

    def __str__(self) -> str:
        count = f"{self.new_migrations} change{'' if self.new_migrations == 1 else 's'}"
        tables = f"{count} of the tables" if self.new_migrations else "the tables stay"
        safety = "a backup is made first" if self.has_backup else "NO BACKUP is made, because none is set up"
        return (
            f"From {self.running.name} to {self.wanted.name}, made on {self.wanted.released_at:%d %b %Y}: "
            f"{tables}; {safety}. The portal goes on serving; services move over one by one, and go back if "
            f"anything fails."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Also those of `boxctl cluster upgrade`."""
    parser.add_argument("archive", type=Path, help="korobka-VERSION.tar.gz, with its .sig beside it")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--unsigned", action="store_true", help="take an archive that nobody known has signed"
    )
    parser.add_argument("--no-backup", action="store_true", help="do not make a backup first")


def main(arguments: argparse.Namespace) -> None:
    with plain_errors():
        paths = box()
        archive = arguments.archive.absolute()
        sweep(paths)
        try:
            plan = decide(paths, take_in(paths, archive, is_unsigned=arguments.unsigned))
        except (BadArchive, NotSigned, UpgradeRefused) as error:
            sweep(paths)
            fail(str(error))
        say(str(plan))
        if not arguments.yes and not is_confirmed():
            sweep(paths)
            fail("Nothing was changed.")
        operations_log.note(paths, Asker.here(), f"upgrade to {plan.wanted.name}")
        asked = {"tree": str(plan.wanted.tree), "with_backup": plan.has_backup and not arguments.no_backup}
        follow(paths, operations.begin(paths, UPGRADE, asked, by=str(Asker.here())).state())


def take_in(paths: Paths, archive: Path, *, is_unsigned: bool = False) -> Source:
    """Unpacks what was looked at: a copy of root's own, which nobody exchanges in between."""
    with tempfile.TemporaryDirectory(dir=paths.releases, prefix=UNPACKED) as place:
        own = release.copied(archive, Path(place))
        if not is_unsigned:
            signing.verify(own, signing.known(paths), named=archive)
        say("Unpacking …")
        return unpack(paths, own, named=archive)


def unpack(paths: Paths, archive: Path, *, named: Path | None = None) -> Source:
    """Beside the releases, until the upgrade is over. It is told of as `named`."""
    return release.unpack(archive, paths.releases / f"{UNPACKED}{secrets.token_hex(4)}", named=named)


def decide(paths: Paths, wanted: Source, *, in_cluster: bool = False, others_differ: bool = False) -> Plan:
    """Refuses what would not work; the same as install.sh refuses, and what could not be taken back.

    Where other nodes run another release, the running one may be offered to them."""
    if topology.load(paths) and not in_cluster:
        raise UpgradeRefused(
            "This is a node of a cluster: `boxctl cluster upgrade ARCHIVE` has all nodes move over in turn."
        )
    if not in_cluster:
        _refuse_beside_backups(paths)
    running = Source(paths.current.resolve())
    if wanted.name == running.name and not others_differ:
        raise UpgradeRefused(f"{wanted.name} runs already: nothing to do.")
    old, new = Schema.of(running.tree), Schema.of(wanted.tree)
    if old.migrations - new.migrations:
        raise UpgradeRefused(f"{schema.refusal(old.migrations - new.migrations)}\n{schema.CURE}")
    if not new.carries(old):
        raise UpgradeRefused(
            f"{running.name} cannot work beside the tables of {wanted.name}: upgrade to the releases between "
            f"them first; or make a backup, and use the install.sh of {wanted.name}."
        )
    found = preflight.findings(facts.gather(paths, wanted), Options(prefix=paths.prefix))
    if serious := [str(one) for one in found if not one.is_warning]:
        raise UpgradeRefused("\n".join(serious))
    return Plan(running, wanted, len(new.migrations - old.migrations), has_backup=is_set_up(paths))


def _refuse_beside_backups(paths: Paths) -> None:
    """It restarts services that a backup, a verification or a drill asks, and makes a backup itself."""
    try:
        operations.refuse_if_busy(paths, "backup")
    except operations.AlreadyRunning as error:
        raise UpgradeRefused(str(error)) from error


def sweep(paths: Paths) -> None:
    """Takes away what upgrades have unpacked that are over."""
    going = operations.unfinished(paths)
    if any(journal.arguments.get("offered") for journal in going):
        # A node of a cluster is fetching one, and says where when it has it.
        return
    used = {str(journal.arguments.get("tree")) for journal in going}
    for folder in paths.releases.glob(f"{UNPACKED}*"):
        if not any(tree.startswith(f"{folder}/") for tree in used):
            shutil.rmtree(folder)


def is_confirmed() -> bool:
    if not sys.stdin.isatty():
        say("Give --yes where nobody can be asked.")
        return False
    return input("Type 'yes' to go on: ").strip() == "yes"
