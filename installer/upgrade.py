"""Performs an upgrade, and takes it back where a step fails or is killed: old or new, never between.

The steps are those of install.sh, in both directions. Forward the new release's own installer performs them;
back it is the old one's, which finds the link, the services' files and the processes of another release, and
puts its own in their place. Migrations stay: the old release works beside them, which was looked at before.

A node of a cluster fetches the archive from the node that offers it, and may be asked to go back afterwards.

Until 'changing' is noted nothing of the box is touched; once 'proven' is, only tidying up is left.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.agent.upgrades import CHANGING
from appliance.cluster import https, offers
from appliance.cluster.topology import TopologyRefused
from appliance.paths import Paths
from appliance.runner import CommandFailed, stream
from installer import install, release, upgrade_plan
from installer.release import BadArchive, Source
from installer.steps.base import DUE
from installer.upgrade_plan import UpgradeRefused

PROVEN, GOING_BACK = "proven", "going-back"
_UNPACKED = "unpacked"
_STEPS = 5
_UNTAKEN = (BadArchive, TopologyRefused, UpgradeRefused, https.NodeAway, https.NodeRefused)
"""What an archive that is fetched may end with, before anything is changed."""
_BUSY = (install.Busy, operations.AlreadyRunning)
PATIENCE = 1800.0
"""Seconds for whoever else installs here: half-way is no place to give up."""


class UpgradeFailed(Exception):
    """It did not work; the text says what became of it."""


def main() -> None:
    with performing(UpgradeFailed) as journal:
        upgrade = Upgrade(Paths.from_environment(), journal)
        if before := journal.arguments.get("back_to"):
            upgrade.go_back(before)
        elif "--roll-back" in sys.argv:
            upgrade.take_back("It was interrupted.")
        else:
            upgrade.perform()


class Upgrade:
    """One upgrade, as far as its journal says it is."""

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.paths, self.journal = paths, journal
        noted = journal.noted(CHANGING)
        self.old = Path(noted["old"]) if noted else paths.current.resolve()

    def perform(self) -> None:
        if self._is_there:
            self._complete()
            return
        try:
            if offered := self.journal.arguments.get("offered"):
                self._tell("fetching the release", 0)
                self._fetch(offered)
            source = self.source
            self._tell("building the release", 0)
            self._run("/usr/bin/python3", source.tree, "--build")
            if self.journal.arguments.get("with_backup"):
                self._tell("making a backup", 1)
                self._back_up()
            new = release.folder_of(source, self.paths)
            with install.alone(self.paths):
                self.journal.append(CHANGING, old=str(self.old), new=str(new))
                self._tell("moving over", 2)
                self._run(new / "venv/bin/python", new, "--staged", "--silent")
                self.journal.append(PROVEN)
        except (CommandFailed, OSError, UpgradeFailed, *_BUSY, *_UNTAKEN) as error:
            self.take_back(str(error))
        else:
            self._finish()

    def take_back(self, why: str) -> None:
        """Puts the old release in its place again; what was proven already is brought to its end instead."""
        if self._is_there:
            self._complete()
            return
        if self.journal.noted(PROVEN):
            self._finish()
            return
        if noted := self.journal.noted(CHANGING):
            try:
                self._put_back(self.old, Path(noted["new"]))
            except UpgradeFailed as error:
                raise UpgradeFailed(f"{why}\n{error}") from error
        self._tidy()
        raise UpgradeFailed(f"{why}\nThe box runs {self.old.name}, as before.")

    def go_back(self, before: str) -> None:
        """Put the release of this name in its place again, which ran before an upgrade that has gone well."""
        old, current = self.paths.releases / Path(before).name, self.paths.current.resolve()
        if old != current:
            if not (old / "venv").is_dir():
                raise UpgradeFailed(f"{old.name} is not on this machine any more.")
            self.journal.append(GOING_BACK, new=str(current))
        # Killed on the way, it may have put the link back and not the services.
        if noted := self.journal.noted(GOING_BACK):
            self._put_back(old, Path(noted["new"]))
        self._complete()

    @property
    def _is_there(self) -> bool:
        """Whether the link leads to what is offered; services may not have followed it."""
        return bool(self.journal.arguments.get("offered", {}).get("release") == self.old.name)

    def _complete(self) -> None:
        """An operation before this one may have been given up between the link and the services."""
        there = self.paths.current.resolve()
        if (self.paths.etc / DUE).exists():
            self._tell("moving over what was left behind", 3)
            self._put_in_place(there)
        self.journal.end("done", f"The box runs {there.name}.")

    def _put_back(self, old: Path, new: Path) -> None:
        self._tell("going back", 3)
        # The old release looks there whose tables these are, and whether it may work beside them. Before it
        # tidies up as well: where the link had not moved yet, nothing else would keep it the new one.
        release.keep(self.paths, new)
        self._put_in_place(old)
        release.keep(self.paths, new)

    def _put_in_place(self, old: Path) -> None:
        """A release that ran here before: the tables stay as they are."""
        try:
            with install.alone(self.paths, patience=PATIENCE):
                self._run(old / "venv/bin/python", old, "--staged", "--silent", "--back")
        except (CommandFailed, install.Busy) as error:
            raise UpgradeFailed(
                f"Putting {old.name} in its place met a problem: {error}\n"
                f"`sudo {old}/install.sh` goes on from there."
            ) from error

    @property
    def source(self) -> Source:
        """The release as it was unpacked."""
        noted = self.journal.noted(_UNPACKED)
        return Source(Path(noted["tree"] if noted else self.journal.arguments["tree"]))

    def _fetch(self, offered: dict[str, str]) -> None:
        """Root has looked at the archive on the node that offers it; its hash came with root's mark."""
        with tempfile.TemporaryDirectory(dir=self.paths.releases, prefix=upgrade_plan.UNPACKED) as place:
            archive = Path(place) / "korobka.tar.gz"
            offers.fetch(self.paths, offered["from"], offered["sha256"], archive, self._say)
            source = upgrade_plan.unpack(self.paths, archive)
        self.journal.append(_UNPACKED, tree=str(source.tree))
        upgrade_plan.decide(self.paths, source, in_cluster=True)

    def _finish(self) -> None:
        self._tidy()
        self.journal.end("done", f"The box runs {self.paths.current.resolve().name}.")

    def _tidy(self) -> None:
        """Takes away what was unpacked, and a release that was built and never ran."""
        if "tree" in self.journal.arguments or self.journal.noted(_UNPACKED):
            shutil.rmtree(self.source.tree.parent, ignore_errors=True)
        for folder in release.superfluous(self.paths):
            shutil.rmtree(folder, ignore_errors=True)

    def _back_up(self) -> None:
        begun = operations.begin(self.paths, "backup", {"kind": "auto"}, by=self.journal.state().asked_by)
        for step in operations.follow(begun):
            self._tell(f"making a backup: {step.text}", 1)
        if begun.state().state != "done":
            raise UpgradeFailed(f"The backup before it failed: {begun.state().progress.text}")

    def _run(self, python: str | Path, tree: Path, *words: str) -> None:
        """A stage of the installer that lies in `tree`; its lines are told as progress."""
        prefix = ("--prefix", str(self.paths.prefix))
        environment = {"PYTHONPATH": str(tree), "KOROBKA_PREFIX": str(self.paths.prefix)}
        command = [python, "-P", "-B", "-m", "installer", "install", *words, *prefix]
        for line in stream(command, env=dict(os.environ) | environment):
            if line.strip():
                self._say(line.strip()[:300])

    def _say(self, text: str) -> None:
        self.journal.progress(text, *self._at)

    def _tell(self, text: str, step: int) -> None:
        self._at = (step, _STEPS)
        self._say(text)


if __name__ == "__main__":
    main()
