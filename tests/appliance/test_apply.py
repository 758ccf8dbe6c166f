"""What a change of the configuration starts, reloads and restarts."""

from __future__ import annotations

from pathlib import Path

from appliance import config
from appliance.agent.operations.apply import Plan, added, decide
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services import enabled


def plan_of(workers: int, *, files: set[str], units: set[str], wanted: set[str] | None = None) -> Plan:
    box = config.parse(f"[node]\nweb_workers = {workers}\n")
    node = Node(Paths(Path("/nowhere")), box, config.new_secrets(), Machine(memory_mb=4096, cores=2))
    everybody = {service.name for service in enabled(node)}
    return decide(node, wanted=everybody if wanted is None else wanted, files=files, units=units)


def test_a_service_that_is_switched_on_is_wanted_and_one_that_was_there_is_not() -> None:
    off, on = (
        Node(
            Paths(Path("/nowhere")),
            config.parse(f"[telephony]\nenabled = {value}\n"),
            config.new_secrets(),
            Machine(memory_mb=4096, cores=2),
        )
        for value in ("false", "true")
    )
    assert added(on, off) == {"telephony"}
    assert added(on, on) == added(off, on) == added(on, None) == set()


def test_nothing_changed_concerns_nobody() -> None:
    plan = plan_of(2, files=set(), units=set())
    assert plan == Plan((), (), ())
    assert str(plan) == "Nothing to do: it is in force already."


def test_new_files_are_reloaded_and_new_units_restarted() -> None:
    plan = plan_of(2, files={"balancer", "cache"}, units={"cache"})
    assert plan == Plan(restarted=("cache",), reloaded=("balancer",), leaving=())


def test_the_portals_file_concerns_also_the_workers_whose_unit_stays() -> None:
    plan = plan_of(2, files={"web", "push", "jobs"}, units={"web@2", "jobs"})
    assert plan == Plan(restarted=("web@2", "jobs"), reloaded=("web", "push"), leaving=())


def test_one_more_worker_leaves_the_others_alone() -> None:
    assert plan_of(3, files={"balancer"}, units={"web@3"}) == Plan(("web@3",), ("balancer",), ())


def test_a_worker_less_is_nobody_to_restart() -> None:
    plan = plan_of(2, files={"balancer"}, units={"web@3"})
    assert plan == Plan((), ("balancer",), ("web@3",))
    assert str(plan) == "In force: balancer, web@3 left."


def test_who_does_not_run_is_not_woken() -> None:
    assert plan_of(2, files={"web", "push", "jobs"}, units={"web@1"}, wanted={"push"}) == Plan(
        (), ("push",), ()
    )
