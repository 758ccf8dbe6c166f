"""Looks at an archive for the console, as `boxctl upgrade` does, as an operation of the agent.

What it unpacks stays for the upgrade that may follow: that moves over to what was shown.
"""

from __future__ import annotations

from appliance.agent.operations import performing
from appliance.agent.upgrades import FOUND
from appliance.paths import Paths
from installer import upgrade_plan
from installer.release import BadArchive
from installer.signing import NotSigned
from installer.upgrade_plan import UpgradeRefused


def main() -> None:
    with performing(BadArchive, NotSigned, UpgradeRefused) as journal:
        paths = Paths.from_environment()
        upgrade_plan.sweep(paths)
        journal.progress("looking at the archive")
        try:
            release = upgrade_plan.take_in(paths, paths.offered / journal.arguments["archive"])
            plan = upgrade_plan.decide(paths, release)
        except BaseException:
            upgrade_plan.sweep(paths)
            raise
        journal.append(
            FOUND,
            tree=str(plan.wanted.tree),
            release=plan.wanted.name,
            released_at=plan.wanted.released_at.isoformat(),
            new_migrations=plan.new_migrations,
            has_backup=plan.has_backup,
        )
        journal.end("done", str(plan))


if __name__ == "__main__":
    main()
