"""`boxctl logs`: what the services say, the latest lines or as they come."""

from __future__ import annotations

import argparse

from appliance.commands.common import box, plain_errors, say
from appliance.node import Node
from appliance.services import enabled, named
from appliance.supervise import supervisor_for


def main() -> None:
    parser = argparse.ArgumentParser(prog="boxctl logs", description="What the services say.")
    parser.add_argument("service", nargs="*", help="a service or an instance such as web@1; none means all")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines as they come")
    parser.add_argument("-n", "--lines", type=int, default=100, help="how many old lines (100)")
    arguments = parser.parse_args()
    with plain_errors():
        node = Node.load(box())
        for name in arguments.service:
            named(name.partition("@")[0])
        names = arguments.service or [service.name for service in enabled(node)]
        for line in supervisor_for(node).logs(names, lines=arguments.lines, follow=arguments.follow):
            say(line)


if __name__ == "__main__":
    main()
