"""Performs an upgrade, and takes it back where a step fails or is killed: old or new, never between.

The steps are those of install.sh, in both directions. Forward the new release's own installer performs them;
back it is the old one's, which finds the link, the services' files and the processes of another release, and
puts its own in their place. Migrations stay: the old release works beside them, which was looked at before.

Until 'changing' is noted nothing of the box is touched; once 'proven' is, only tidying up is left.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.paths import Paths
from appliance.runner import CommandFailed, stream
from installer import install, release
from installer.release import Source

CHANGING, PROVEN = "changing", "proven"
_STEPS = 5
PATIENCE = 1800.0
"""Seconds for whoever else installs here: half-way is no place to give up."""


class UpgradeFailed(Exception):
    """It did not work; the text says what became of it."""


def main() -> None:
    with performing(UpgradeFailed) as journal:
        upgrade = Upgrade(Paths.from_environment(), journal)
        upgrade.take_back("It was interrupted.") if "--roll-back" in sys.argv else upgrade.perform()


class Upgrade:
    """One upgrade, as far as its journal says it is."""

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.paths, self.journal = paths, journal
        self.source = Source(Path(journal.arguments["tree"]))
        noted = journal.noted(CHANGING)
        self.old = Path(noted["old"]) if noted else paths.current.resolve()
        # Noted too: what was unpacked may be gone already when this is taken up again.
        self.new = Path(noted["new"]) if noted else release.folder_of(self.source, paths)

    def perform(self) -> None:
        try:
            self._tell("building the release", 1)
            self._run("/usr/bin/python3", self.source.tree, "--build")
            if self.journal.arguments["with_backup"]:
                self._tell("making a backup", 2)
                self._back_up()
            with install.alone(self.paths):
                self.journal.append(CHANGING, old=str(self.old), new=str(self.new))
                self._tell("moving over", 3)
                self._run(self.new / "venv/bin/python", self.new, "--staged", "--silent")
                self.journal.append(PROVEN)
        except (CommandFailed, OSError, UpgradeFailed, install.Busy) as error:
            self.take_back(str(error))
        else:
            self._finish()

    def take_back(self, why: str) -> None:
        """Puts the old release in its place again; what was proven already is brought to its end instead."""
        if self.journal.noted(PROVEN):
            self._finish()
            return
        if self.journal.noted(CHANGING):
            self._tell("going back", 4)
            with install.alone(self.paths, patience=PATIENCE):
                try:
                    self._run(self.old / "venv/bin/python", self.old, "--staged", "--silent", "--back")
                except CommandFailed as error:
                    raise UpgradeFailed(
                        f"{why}\nGoing back to {self.old.name} met a problem: {error}\n"
                        f"`sudo {self.old}/install.sh` goes on from there."
                    ) from error
            # The old release looks there whose tables these are, and whether it may work beside them.
            release.keep(self.paths, self.new)
        self._tidy()
        raise UpgradeFailed(f"{why}\nThe box runs {self.old.name}, as before.")

    def _finish(self) -> None:
        self._tidy()
        self.journal.end("done", f"The box runs {self.paths.current.resolve().name}.")

    def _tidy(self) -> None:
        """Takes away what was unpacked, and a release that was built and never ran."""
        shutil.rmtree(self.source.tree.parent, ignore_errors=True)
        for folder in release.superfluous(self.paths):
            shutil.rmtree(folder, ignore_errors=True)

    def _back_up(self) -> None:
        begun = operations.begin(self.paths, "backup", {"kind": "auto"}, by=self.journal.state().asked_by)
        for step in operations.follow(begun):
            self._tell(f"making a backup: {step.text}", 2)
        if begun.state().state != "done":
            raise UpgradeFailed(f"The backup before it failed: {begun.state().progress.text}")

    def _run(self, python: str | Path, tree: Path, *words: str) -> None:
        """A stage of the installer that lies in `tree`; its lines are told as progress."""
        prefix = ("--prefix", str(self.paths.prefix))
        environment = {"PYTHONPATH": str(tree), "KOROBKA_PREFIX": str(self.paths.prefix)}
        command = [python, "-P", "-B", "-m", "installer", "install", *words, *prefix]
        for line in stream(command, env=dict(os.environ) | environment):
            if line.strip():
                self.journal.progress(line.strip()[:300], *self._at)

    def _tell(self, text: str, step: int) -> None:
        self._at = (step - 1, _STEPS)
        self.journal.progress(text, *self._at)


if __name__ == "__main__":
    main()
