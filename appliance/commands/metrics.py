"""`boxctl metrics`: lets a monitor read the box's figures."""

from __future__ import annotations

import argparse
import hashlib
import secrets

from appliance.agent.protocol import SetConfig
from appliance.commands.common import ask, box, follow, plain_errors, say


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="boxctl metrics",
        description="Who may read /metrics, for Prometheus and whatever reads its format.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("token", help="make a token, show it once, and let whoever brings it read")
    networks = verbs.add_parser("networks", help="let these networks read without a token; none: nobody")
    networks.add_argument("networks", nargs="*", metavar="NETWORK", help="such as 10.0.0.0/8")
    verbs.add_parser("off", help="let nobody read")
    given = parser.parse_args()
    with plain_errors():
        paths = box()
        token = secrets.token_urlsafe(32)
        match given.verb:
            case "token":
                values = SetConfig({"metrics.token_sha256": hashlib.sha256(token.encode()).hexdigest()})
            case "networks":
                values = SetConfig({"metrics.networks": tuple(given.networks)})
            case _:
                values = SetConfig({"metrics.token_sha256": "", "metrics.networks": ()})
        follow(paths, ask(paths, values))
        if given.verb == "token":
            say(f"The token, shown this once: {token}")
            say("For Prometheus: authorization: {credentials: TOKEN}, scheme https, path /metrics.")


if __name__ == "__main__":
    main()
