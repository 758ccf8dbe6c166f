"""Goes through all nodes of a cluster, one after the other. Interrupted, it goes on where it was."""

from __future__ import annotations

from appliance.agent.operations import performing
from appliance.cluster import https, patroni
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.rolling import Change, Restart, RollingStopped, Rotate, Upgrade
from appliance.cluster.topology import TopologyRefused
from appliance.config import ConfigError
from appliance.paths import Paths


def main() -> None:
    problems = (
        ConfigError, RollingStopped, TopologyRefused, EtcdAway, patroni.PatroniAway, https.NodeAway,
        https.NodeRefused,
    )  # fmt: skip
    with performing(*problems) as journal:
        paths = Paths.from_environment()
        if journal.arguments.get("values"):
            names = Change(paths, journal).perform()
            journal.end("done", f"In force on {', '.join(names)}.")
        elif journal.arguments.get("offered"):
            names = Upgrade(paths, journal).perform()
            journal.end("done", f"{', '.join(names)} run {journal.arguments['offered']['release']}.")
        elif journal.arguments.get("rotates"):
            names = Rotate(paths, journal).perform()
            journal.end("done", f"{', '.join(names)} trust another authority, and nothing of the one before.")
        else:
            names = Restart(paths, journal).perform()
            journal.end("done", f"{', '.join(names)}: restarted, and well.")


if __name__ == "__main__":
    main()
