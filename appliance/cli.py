"""`boxctl`: like git, a table of subcommands, each a program of its own room with its own help.

It imports none of them, so that it works whatever of the box is broken, and starts as fast as Python does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from appliance import PLAIN_ENVIRONMENT

RELEASE = Path(__file__).resolve().parents[1]
_OF_TERMINALS = ("TERM", "COLUMNS", "LINES", "NO_COLOR")
"""What the portal's own are told of who asks; all else of root's environment stays root's."""


@dataclass(frozen=True)
class Subcommand:
    """A program as arguments of the release's Python, which the person's own arguments follow."""

    arguments: tuple[str, ...]
    help: str
    is_portals: bool = False
    """Runs as the portal's user, in the portal's environment: it is a part of the portal."""


def _own(module: str, help_text: str, *arguments: str) -> Subcommand:
    return Subcommand(("-m", f"appliance.commands.{module}", *arguments), help_text)


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "status": _own("status", "how every service is"),
    "doctor": Subcommand(("-m", "installer", "doctor"), "look for what is wrong, and say how to cure it"),
    "logs": _own("logs", "what the services say"),
    "start": _own("services", "start the services, or one", "start"),
    "stop": _own("services", "stop the services, or one", "stop"),
    "restart": _own("services", "restart the services, or one; web without a failed request", "restart"),
    "config": _own("config", "show, set, check and apply the configuration"),
    "certificate": _own("certificate", "show, request and replace the portal's certificate"),
    "cluster": Subcommand(("-m", "installer.cluster"), "make a cluster, let nodes in, see how they are"),
    "backup": Subcommand(("-m", "backup"), "set up, make, list, verify and restore backups"),
    "user": Subcommand(("manage.py", "user"), "create people, set passwords, list people", is_portals=True),
    "audit": Subcommand(("manage.py", "audit"), "check that nobody changed the audit log", is_portals=True),
    "directory": Subcommand(
        ("manage.py", "directory"), "test, preview and synchronise the company's directories", is_portals=True
    ),
    "demo": Subcommand(
        ("manage.py", "demo"), "fill an empty box with a company of made-up people", is_portals=True
    ),
    "search": Subcommand(("manage.py", "search"), "rebuild what the search looks into", is_portals=True),
    "telephony": Subcommand(
        ("manage.py", "telephony"), "connect the company's Asterisk, and show its calls", is_portals=True
    ),
    "migrate": Subcommand(
        ("manage.py", "transfer"), "move a portal of the cloud into this box", is_portals=True
    ),
    "upgrade": Subcommand(
        ("-m", "installer", "upgrade"), "move over to another release, and back if that fails"
    ),
    "metrics": _own("metrics", "let a monitor read the box's figures"),
    "support": _own("support", "gather what others need to help, without secrets, into one file"),
    "uninstall": Subcommand(("-m", "installer", "uninstall"), "remove the box, keeping its data unless told"),
}


def main() -> NoReturn:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())  # noqa: T201
        sys.exit(0 if arguments else 2)
    subcommand = SUBCOMMANDS.get(arguments[0])
    if subcommand is None:
        sys.exit(f"boxctl: there is no {arguments[0]!r}. `boxctl --help` lists what there is.")
    prefix = Path(os.environ.get("KOROBKA_PREFIX", "/"))
    try:
        command, environment = compose(subcommand, arguments[1:], prefix)
    except FileNotFoundError as error:
        sys.exit(f"boxctl: {error.filename} is missing: the box is not installed completely. Run install.sh.")
    except PermissionError:
        sys.exit(f"boxctl: this needs root's rights: sudo boxctl {' '.join(arguments)}")
    os.execve(command[0], command, environment)  # noqa: S606


def usage() -> str:
    width = max(len(name) for name in SUBCOMMANDS)
    lines = [f"  {name:<{width}}  {subcommand.help}" for name, subcommand in SUBCOMMANDS.items()]
    return "\n".join(
        ["usage: boxctl COMMAND ...", "", *lines, "", "`boxctl COMMAND --help` tells more about each."]
    )


def compose(
    subcommand: Subcommand, arguments: Sequence[str], prefix: Path
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a subcommand."""
    own = RELEASE / "venv/bin/python"
    python = str(own if own.exists() else Path(sys.executable))
    environment = {
        "KOROBKA_PREFIX": str(prefix),
        "PYTHONPATH": str(RELEASE),
        # Root must not import what lies in the folder where it happens to stand.
        "PYTHONSAFEPATH": "1",
        # A release is never written to.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    first, *others = subcommand.arguments
    program = [first if first.startswith("-") else str(RELEASE / first), *others, *arguments]
    if not subcommand.is_portals:
        return [python, *program], {**os.environ, **environment}
    config = prefix / "etc/korobka/generated/portal/portal.json"
    environment = {
        **PLAIN_ENVIRONMENT,
        **{name: os.environ[name] for name in _OF_TERMINALS if name in os.environ},
        **environment,
        # Who asks, for the portal's audit log.
        "KOROBKA_ASKED_BY": os.environ.get("SUDO_USER", "root"),
        "KOROBKA_CONFIG": str(config),
        "DJANGO_SETTINGS_MODULE": "box.settings",
    }
    # Only the portal's user can read the portal's file, so its owner is the user to become.
    owner = config.stat()
    if os.geteuid() == owner.st_uid:
        return [python, *program], environment
    if os.geteuid() != 0:
        raise PermissionError
    # Web workers have that user too. Taken over, they would have the terminal that this one is given, and
    # type there as root.
    unseen = ["-P", str(RELEASE / "appliance/unseen.py"), str(owner.st_uid), str(owner.st_gid)]
    become = ["/usr/bin/setpriv", "--no-new-privs", "--inh-caps=-all", "--"]
    return [*become, python, *unseen, *program], environment


if __name__ == "__main__":
    main()
