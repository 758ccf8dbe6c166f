"""Restarts one service, or all of them in order. Interrupted, it is simply done again."""

from __future__ import annotations

from functools import partial

from appliance.agent.applied_config import load_node
from appliance.agent.operations import performing
from appliance.config import ConfigError
from appliance.paths import Paths
from appliance.services import enabled
from appliance.supervise import SupervisorError, supervisor_for


def main() -> None:
    with performing(ConfigError, SupervisorError) as journal:
        node = load_node(Paths.from_environment())
        supervisor = supervisor_for(node)
        asked = str(journal.arguments["service"])
        instances = [
            instance
            for service in enabled(node)
            for instance in service.instance_names(node)
            if asked in ("", service.name, instance)
        ]
        for number, instance in enumerate(instances):
            supervisor.restart(
                instance, progress=partial(journal.progress, done=number, total=len(instances))
            )
        journal.end("done", f"{', '.join(instances)}: restarted.")


if __name__ == "__main__":
    main()
