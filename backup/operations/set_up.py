"""Puts targets that were tried and noted into force. Interrupted, it is simply done again."""

from __future__ import annotations

from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from appliance.supervise import SupervisorError, supervisor_for
from backup import settings, setup, state_file
from backup.operations.back_up import TROUBLE


def main() -> None:
    with performing(*TROUBLE, SupervisorError) as journal:
        node = Node.load(Paths.from_environment())
        try:
            setup.enforce(node, journal.progress)
        finally:
            # Where one target does not answer, the others get what is theirs.
            setup.keep_up(supervisor_for(node))
        chosen = settings.load(node.paths)
        state_file.write(node)
        journal.end("done", f"Backups go to {', '.join(one.name for one in chosen.targets)}.")


if __name__ == "__main__":
    main()
