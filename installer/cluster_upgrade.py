"""`boxctl cluster upgrade ARCHIVE`: looks at a release here, and has all nodes move over to it in turn.

Performing is `appliance.cluster.rolling`, and on each node `installer.upgrade`.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from appliance.agent import operations, operations_log
from appliance.agent.operations_log import Asker
from appliance.cluster import offers
from appliance.cluster.overview import overview
from appliance.commands.common import fail, follow, say
from appliance.node import Node
from appliance.paths import Paths
from installer import release, signing, upgrade_plan
from installer.release import BadArchive
from installer.signing import NotSigned
from installer.upgrade_plan import Plan, UpgradeRefused


def main(paths: Paths, arguments: argparse.Namespace) -> int:
    operations.refuse_if_busy(paths, "rolling")
    archive, me = arguments.archive.absolute(), Node.load(paths).cluster
    with tempfile.TemporaryDirectory(dir=paths.releases, prefix=upgrade_plan.UNPACKED) as place:
        try:
            own = release.copied(archive, Path(place))
            if not arguments.unsigned:
                signing.verify(own, signing.known(paths), named=archive)
            say("Unpacking …")
            source = release.unpack(own, Path(place) / "tree", named=archive)
            plan = upgrade_plan.decide(paths, source, in_cluster=True, others_differ=_others_differ(paths))
        except (BadArchive, NotSigned, UpgradeRefused) as error:
            fail(str(error))
        with_backup = plan.has_backup and not arguments.no_backup
        if with_backup:
            _refuse_elsewhere(paths)
        say(str(plan))
        say("The nodes move over one after the other, the one that leads the database last.")
        if not arguments.yes and not upgrade_plan.is_confirmed():
            fail("Nothing was changed.")
        operations_log.note(paths, Asker.here(), f"cluster upgrade to {plan.wanted.name}")
        offered = _offered(plan, offers.offer(paths, own), me.me.address)
        asked = {"offered": offered, "with_backup": with_backup}
    follow(paths, operations.begin(paths, "rolling", asked, by=str(Asker.here())).state())
    return 0


def _offered(plan: Plan, sha256: str, address: str) -> dict[str, str]:
    """What the nodes are told, with root's mark."""
    return {
        "release": plan.wanted.name, "before": plan.running.name, "sha256": sha256, "from": address,
    }  # fmt: skip


def _others_differ(paths: Paths) -> bool:
    """As they do after a way back that was cut short."""
    return any(problem.kind == "versions" for problem in overview(paths, now=datetime.now(UTC)).problems)


def _refuse_elsewhere(paths: Paths) -> None:
    """The backup before it is made here, and only the home makes one."""
    known = Node.load(paths).cluster
    home = known.topology.home
    if home is None or home.name != known.name:
        fail(
            f"A backup is made first, on the home of backups: upgrade from {home.name if home else 'it'}, or "
            f"say --no-backup."
        )
