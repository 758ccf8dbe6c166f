"""Lets another node lead the database. Interrupted, it is looked who leads, and asked again where needed."""

from __future__ import annotations

from appliance.agent.applied_config import load_node
from appliance.agent.operations import performing
from appliance.cluster import https, patroni
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.topology import TopologyRefused
from appliance.config import ConfigError
from appliance.paths import Paths


def main() -> None:
    problems = (
        ConfigError,
        TopologyRefused,
        patroni.PatroniAway,
        EtcdAway,
        https.NodeAway,
        https.NodeRefused,
    )
    with performing(*problems) as journal:
        paths, to = Paths.from_environment(), str(journal.arguments["to"])
        known = load_node(paths).cluster.topology
        if patroni.leader(paths, known) != to:
            journal.progress(f"{to} takes the lead. Nobody can write for a few seconds.")
            patroni.switch_over(paths, known, to=to)
        journal.end("done", f"{to} leads the database.")


if __name__ == "__main__":
    main()
