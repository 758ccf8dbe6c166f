"""`python -m appliance.supervise [--prefix DIR] start|stop|restart|reload|status|scale|logs [NAME ...]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from appliance import service_files
from appliance.config import ConfigError, RootOnly
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.supervise import SupervisorError, supervisor_for
from appliance.users import UserMissing


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m appliance.supervise", description=__doc__)
    parser.add_argument(
        "--prefix", type=Path, default=Paths.from_environment().prefix, help="the box's folder"
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for action, words in (
        ("start", "write the generated files, start in order, wait until each answers"),
        ("stop", "stop in reverse order"),
        ("restart", "one after the other; web workers without losing a request"),
        ("reload", "take over changed generated files"),
    ):
        actions.add_parser(action, help=words).add_argument("names", nargs="*", metavar="NAME")
    status = actions.add_parser("status", help="what runs, and whether it answers")
    status.add_argument("names", nargs="*", metavar="NAME")
    status.add_argument("--json", action="store_true")
    scale = actions.add_parser("scale", help="run COUNT instances from now on")
    scale.add_argument("name", metavar="NAME")
    scale.add_argument("count", type=int, metavar="COUNT")
    logs = actions.add_parser("logs", help="the last lines of logs")
    logs.add_argument("names", nargs="*", metavar="NAME")
    logs.add_argument("--lines", "-n", type=int, default=100)
    logs.add_argument("--follow", "-f", action="store_true")
    return parser


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _perform(given: argparse.Namespace, node: Node) -> int:
    supervisor = supervisor_for(node)
    match given.action:
        case "start":
            service_files.apply(node)
            supervisor.apply()
            supervisor.start(*given.names, progress=_say)
        case "stop":
            supervisor.stop(*given.names, progress=_say)
        case "restart":
            supervisor.restart(*given.names, progress=_say)
        case "reload":
            supervisor.reload(*given.names, progress=_say)
        case "scale":
            supervisor.scale(given.name, given.count, progress=_say)
        case "logs":
            for line in supervisor.logs(given.names, lines=given.lines, follow=given.follow):
                _say(line)
        case "status":
            found = supervisor.status(*given.names)
            if given.json:
                _say(json.dumps([asdict(status) | {"is_healthy": status.is_healthy} for status in found]))
            else:
                for status in found:
                    memory = "" if status.memory_mb is None else f"{status.memory_mb} MiB"
                    _say(f"{status.instance:<12} {status.state:<10} {memory:>9}  {status.problem or 'ok'}")
            return 0 if all(status.is_healthy for status in found) else 1
    return 0


def main(arguments: list[str]) -> int:
    given = _parser().parse_args(arguments)
    prefix = given.prefix.absolute()
    os.environ["KOROBKA_PREFIX"] = str(prefix)
    try:
        return _perform(given, Node.load(Paths(prefix)))
    except (SupervisorError, ConfigError, RootOnly, CommandFailed, UserMissing) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (BrokenPipeError, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
