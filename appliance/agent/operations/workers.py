"""Lets as many web workers run as the load asks for. Interrupted, it is simply done again."""

from __future__ import annotations

from appliance.agent.answers import WorkersDecision
from appliance.agent.applied_config import in_force
from appliance.agent.codec import decode
from appliance.agent.operations import performing
from appliance.config import ConfigError
from appliance.paths import Paths
from appliance.supervise import SupervisorError, supervisor_for


def main() -> None:
    with performing(ConfigError, SupervisorError) as journal:
        decision = decode(WorkersDecision, journal.arguments["decision"])
        supervisor = supervisor_for(in_force(Paths.from_environment()))
        supervisor.follow_load(decision, journal.progress)
        journal.end("done", decision.sentence)


if __name__ == "__main__":
    main()
