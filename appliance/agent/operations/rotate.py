"""A node's own part of the rotation of the cluster's authority. Interrupted, it is done again."""

from __future__ import annotations

from functools import partial

from appliance import service_files
from appliance.agent.applied_config import load_node
from appliance.agent.operations import performing
from appliance.cluster import https, rotation
from appliance.cluster.identity import IdentityRefused
from appliance.cluster.instructions import Verb
from appliance.cluster.rotation import Offer
from appliance.cluster.topology import TopologyRefused
from appliance.config import ConfigError
from appliance.paths import Paths
from appliance.services import enabled
from appliance.supervise import SupervisorError, supervisor_for


def main() -> None:
    problems = (
        ConfigError, SupervisorError, TopologyRefused, IdentityRefused, https.NodeAway, https.NodeRefused,
    )  # fmt: skip
    with performing(*problems) as journal:
        node = load_node(Paths.from_environment())
        match Verb(journal.arguments["step"]):
            case Verb.TRUST:
                rotation.trust(node, Offer(**journal.arguments["offer"]))
            case Verb.ENTER:
                rotation.enter(node)
            case _:
                rotation.forget(node)
        running = {service.name: service for service in enabled(node)}
        turned = [running[name] for name in rotation.TURNED if name in running]
        service_files.apply(node, only=tuple(turned))
        supervisor = supervisor_for(node)
        for number, service in enumerate(turned):
            supervisor.restart(
                service.name, progress=partial(journal.progress, done=number, total=len(turned))
            )
        journal.end("done", f"{', '.join(service.name for service in turned)}: with other certificates.")


if __name__ == "__main__":
    main()
