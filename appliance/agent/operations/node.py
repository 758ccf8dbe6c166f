"""Sends people to a node no more, or again; wakes a reserve, or lets it sleep. Done twice it is done once."""

from __future__ import annotations

from appliance.agent.operations import performing
from appliance.cluster import https, membership, patroni, reserves
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.topology import TopologyRefused
from appliance.config import ConfigError
from appliance.paths import Paths

SAID = {
    "drained": "{} gets no more requests.",
    "resumed": "People are sent to {} again.",
    "awake": "{} wakes.",
    "asleep": "{} gets no more requests, and goes to sleep.",
}


def main() -> None:
    problems = (
        ConfigError, TopologyRefused, EtcdAway, patroni.PatroniAway, https.NodeAway, https.NodeRefused,
    )  # fmt: skip
    with performing(*problems) as journal:
        paths = Paths.from_environment()
        name, to = str(journal.arguments["name"]), str(journal.arguments["to"])
        if to in ("drained", "resumed"):
            membership.drain(paths, name, is_drained=to == "drained", say=journal.progress)
        else:
            reserves.set_rest(paths, name, is_awake=to == "awake")
        journal.end("done", SAID[to].format(name))


if __name__ == "__main__":
    main()
