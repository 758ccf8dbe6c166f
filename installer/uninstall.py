"""`boxctl uninstall`: takes the box away. What people have put into it stays, unless it is purged."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance import config, users
from appliance.cluster.topology import TopologyRefused
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.runner import run
from appliance.supervise import processes, supervisor_for
from installer import options, packages
from installer.steps import startup


@dataclass(frozen=True)
class Plan:
    """What goes and what stays; printed before anything is done."""

    paths: Paths
    is_purged: bool

    @property
    def programs(self) -> tuple[Path, ...]:
        paths = self.paths
        return (
            paths.boxctl,
            paths.run,
            paths.generated,
            paths.current,
            paths.releases,
            paths.releases.parent,
        )

    @property
    def belongings(self) -> tuple[Path, ...]:
        return (self.paths.etc, self.paths.data, self.paths.log)

    def __str__(self) -> str:
        kept = ", ".join(map(str, self.belongings))
        if self.is_purged:
            return (
                f"Removing the box with EVERYTHING in it: people, posts, files, configuration ({kept}). What "
                f"stays: backups on their targets, Debian's packages, and the box's authority in browsers."
            )
        return f"Removing the box's programs. Its data, configuration and logs stay in {kept}."


def main(arguments: argparse.Namespace) -> int:
    paths = Paths(arguments.prefix.absolute())
    plan = Plan(paths, arguments.purge)
    if paths.prefix == paths.prefix.parent and os.geteuid() != 0:
        _say("Only root can remove this box: sudo boxctl uninstall.")
        return 1
    if not any(path.exists() for path in (*plan.programs, *plan.belongings)):
        _say(f"There is no box under {paths.prefix}: nothing to do.")
        return 0
    _say(str(plan))
    if not arguments.yes and not _is_confirmed(arguments.purge):
        _say("Nothing was changed.")
        return 1
    perform(plan)
    _say("Removed." if plan.is_purged else "Removed. install.sh brings the box back with its data.")
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_prefix(parser)
    parser.add_argument(
        "--purge", action="store_true", help="delete the data, the configuration and the users too"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


class _Unknown(Node):
    """A box whose files cannot be read. No service is known to belong to it: what its supervisor has started
    is ended by that, or as it is found."""

    def runs(self, service: str) -> bool:
        return False


def perform(plan: Plan) -> None:
    if plan.paths.secrets_toml.exists():
        _end_services(plan)
    for path in plan.programs:
        _remove(path)
    if plan.is_purged:
        for path in plan.belongings:
            _remove(path)
    if plan.paths.prefix == plan.paths.prefix.parent:
        packages.release_services()
        startup.remove()
        # While data stays its users stay: a number without a name could be given to somebody else.
        if plan.is_purged:
            _remove_users()
    elif plan.is_purged:
        for folder in _emptied(plan.paths):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _end_services(plan: Plan) -> None:
    try:
        supervisor_for(Node.load(plan.paths)).remove()
    except (config.ConfigError, TopologyRefused) as error:
        _say(f"{error}\nThe box is removed all the same.")
        if not plan.is_purged:
            _say("Correct that before install.sh is to bring the box back: it stays as it is.")
        unknown = _Unknown(plan.paths, config.Box(), config.new_secrets(), Machine.here())
        supervisor_for(unknown).remove()
        # supervisord has told all of them to end, and waits for no database that takes longer than it.
        processes.end(processes.marked(plan.paths.prefix), seconds=_END_SECONDS)


_END_SECONDS = 60.0


def _remove_users() -> None:
    """Those that the installer has made; another's account with such a name is none of them."""
    foreign = dict(users.foreign())
    for name in reversed(users.ALL):
        if name not in foreign:
            run(["userdel", name], check=False)


def _emptied(paths: Paths) -> Iterator[Path]:
    """Folders of a scratch box that nothing may be left in, innermost first, the prefix last."""
    for name in ("usr/local/bin", "usr/local", "usr", "var/lib", "var/log", "var", "opt", "run", "etc", "."):
        yield paths.prefix / name


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def _is_confirmed(is_purged: bool) -> bool:
    if not sys.stdin.isatty():
        _say("Give --yes where nobody can be asked.")
        return False
    word = "purge" if is_purged else "yes"
    try:
        return input(f"Type '{word}' to go on: ").strip() == word
    except EOFError:
        return False


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal's conversation
