"""`boxctl start`, `stop` and `restart`."""

from __future__ import annotations

import argparse
import sys

from appliance.agent import operations_log
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import RestartService
from appliance.commands.common import ask, box, follow, out, plain_errors, say
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import enabled, named
from appliance.supervise import supervisor_for

HELP = {
    "start": "Start the services in order and wait until each answers. What runs is left alone.",
    "stop": "Stop the services. They stay stopped until `boxctl start`, also after the machine boots.",
    "restart": "Restart the services. Web workers go one after another, drained first: no request fails.",
}


def main() -> None:
    verb = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in HELP else "start"
    parser = argparse.ArgumentParser(prog=f"boxctl {verb}", description=HELP[verb])
    parser.add_argument("service", nargs="?", default="", help="one service, such as web; none means all")
    service = parser.parse_args(sys.argv[2:]).service
    with plain_errors():
        paths = box()
        if service:
            named(service)
        if verb == "restart":
            follow(paths, ask(paths, RestartService(service)))
        else:
            run_directly(paths, verb, service)


def run_directly(paths: Paths, verb: str, service: str) -> None:
    """Start and stop without the agent, which is one of the services itself."""
    node = Node.load(paths)
    supervisor = supervisor_for(node)
    operations_log.note(paths, Asker.here(), f"{verb} {service or 'everything'}")
    names = [service] if service else [entry.name for entry in enabled(node)]
    with out.status(f"{verb} {', '.join(names)} …"):
        if verb == "start":
            supervisor.start(*names)
        else:
            supervisor.stop(*names)
    past = "started" if verb == "start" else "stopped"
    say(f"{service or 'Every service'} is {past}.", style="green")


if __name__ == "__main__":
    main()
