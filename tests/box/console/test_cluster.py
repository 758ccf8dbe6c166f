"""The page of the nodes: what it says of each, what may be lost, and who may let another one lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest
from django.utils import translation

from appliance.agent.answers import ClusterTrouble
from appliance.client import ClusterDecision, ClusterNode, ClusterProblem, ClusterState
from appliance.node import Node
from box.console import cluster
from box.console.metrics import of_cluster
from box.console.nodes import PROBLEMS, NodeCard, decided, survives, told
from box.core.accounts.models import User
from box.core.registry import metrics
from box.lib.pages import REFUSED

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

ONE = ClusterNode(
    "node-1", "10.0.0.1", "harbour", ("portal", "database"), is_there=True, is_well=True,
    database_role="leader", database_state="running", busy=0.414,
)  # fmt: skip
TWO = replace(ONE, name="node-2", roles=("database",), database_role="quorum_standby", lag_bytes=0, busy=0.1)
WITNESS = ClusterNode("witness", "10.0.0.9", "", ("witness",), is_there=True, is_well=True, busy=0.0)
STATE = ClusterState(
    datetime(2026, 6, 1, 12, tzinfo=UTC), (ONE, TWO, WITNESS), "node-1", copies=2, votes=3, home="node-1"
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, as_person: Browser, olga: User) -> Any:
    """The page over a state of the agent's, such as real nodes answer in tests/appliance/cluster."""

    class Answering:
        def __init__(self, state: ClusterState) -> None:
            self.state = state

        def ask(self, operation: object, **_: object) -> Any:
            return self.state if type(operation).__name__ == "ReadCluster" else Nothing()

    class Nothing:
        operations = ()

    def show(state: ClusterState) -> str:
        monkeypatch.setattr(cluster, "_agent", lambda: Answering(state))
        return as_person(olga).get("/console/cluster/").content.decode()

    return show


def test_every_trouble_has_its_words_in_both_languages() -> None:
    assert set(PROBLEMS) == set(get_args(ClusterTrouble.__value__))
    for kind in PROBLEMS:
        problem = ClusterProblem(cast("Any", kind), "node-2", "37")
        english = told(problem)
        with translation.override("ru"):
            russian = told(problem)
        assert "%(" not in english + russian
        assert english != russian


def test_what_may_be_lost_is_said_by_copies_and_votes() -> None:
    assert "one copy" in survives(replace(STATE, copies=1))
    assert "cut cable" in survives(replace(STATE, votes=2))
    assert survives(STATE).startswith("Any 1 node may fail")
    assert survives(replace(STATE, votes=5)).startswith("Any 2 nodes may fail")


def test_the_lead_goes_only_to_a_copy_that_keeps_up() -> None:
    assert not NodeCard(ONE, is_leader=True).can_lead
    assert NodeCard(TWO, is_leader=False).can_lead
    assert not NodeCard(replace(TWO, is_well=False), is_leader=False).can_lead
    assert not NodeCard(WITNESS, is_leader=False).can_lead


def test_nodes_are_shown_with_what_they_do(shown: Any) -> None:
    page = shown(STATE)
    for words in ("node-1", "harbour", "leads", "confirms writes", "witness", "41% CPU", "all is well"):
        assert words in page
    assert page.count("Let it lead</button>") == 1
    assert "/console/cluster/nodes/node-2/lead/" in page


def test_what_is_wrong_stands_above_and_its_node_is_marked(shown: Any) -> None:
    gone = replace(TWO, is_there=False, is_well=False, busy=None)
    page = shown(
        replace(
            STATE, nodes=(ONE, gone, WITNESS), leader="node-1", problems=(ClusterProblem("away", "node-2"),)
        )
    )
    assert "node-2 says nothing" in page and "needs you" in page and "does not answer" in page
    # No other one may fail then.
    assert "may fail" in shown(STATE) and "may fail" not in page
    assert "Let it lead</button>" not in page


def test_who_leads_away_from_the_backups_is_told(shown: Any) -> None:
    assert "next whole backup" not in shown(STATE)
    assert "node-1 takes the lead for the next whole backup" in shown(replace(STATE, leader="node-2"))


RESERVE = replace(
    ONE, name="node-3", roles=("portal",), database_role="", is_reserve=True, rest="asleep", busy=0.01
)


@pytest.mark.parametrize(
    ("rest", "word", "to"),
    [
        ("asleep", "asleep", "awake"),
        ("waking", "wakes", "awake"),
        ("draining", "goes to sleep", "awake"),
        ("awake", "running", "asleep"),
    ],
)
def test_a_reserve_is_woken_or_put_to_sleep(shown: Any, rest: str, word: str, to: str) -> None:
    page = shown(replace(STATE, nodes=(replace(RESERVE, rest=rest),)))
    assert f"{word}</span>" in page
    assert page.count('name="to"') == 1 and f'name="to" value="{to}"' in page


def test_people_are_sent_to_a_node_or_not_and_a_witness_has_no_buttons(shown: Any) -> None:
    assert 'value="drained"' in shown(replace(STATE, nodes=(ONE,)))
    assert 'value="resumed"' in shown(replace(STATE, nodes=(replace(ONE, is_drained=True),)))
    assert 'name="to"' not in shown(replace(STATE, nodes=(WITNESS,)))


def test_decisions_are_told_with_their_figures(shown: Any) -> None:
    woken = ClusterDecision(STATE.at, "In English.", wake=("node-3",), mean=0.74, active=2)
    lost = ClusterDecision(STATE.at, "In English.", drain=("node-3",), create=2)
    page = shown(replace(STATE, decisions=(woken, lost), out_above=0.6, in_below=0.3))
    assert "node-3: woken (mean CPU 74%)" in page
    assert "node-3: put to sleep; machines asked for: 2 (too few or too many nodes at work)" in page
    assert "above 60% mean CPU, one sleeps below 30%" in page
    assert "How many nodes are awake" not in shown(STATE)
    with translation.override("ru"):
        assert decided(woken) == "node-3: включены в работу (средняя загрузка ЦП 74%)"


def test_what_is_not_offered_is_refused(agent: Node, as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post("/console/cluster/nodes/node-2/place/", {"to": "burnt"})
    assert answer.status_code == REFUSED and "Choose what is to be done" in answer.content.decode()
    answer = as_person(olga).post("/console/cluster/nodes/node-2/place/", {"to": "drained"})
    assert "boxctl cluster init" in answer.content.decode()


def test_a_single_machine_is_told_how_to_become_more(agent: Node, as_person: Browser, olga: User) -> None:
    page = as_person(olga).get("/console/cluster/").content.decode()
    assert "The box is one machine" in page and "boxctl cluster init" in page


def test_a_single_machine_has_nobody_to_give_the_lead_to(agent: Node, as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post("/console/cluster/nodes/node-2/lead/")
    assert "boxctl cluster init" in answer.content.decode()


def test_without_the_agent_the_page_says_so(
    as_person: Browser, olga: User, settings: Any, tmp_path: Any
) -> None:
    settings.AGENT_SOCKET = tmp_path / "nowhere"
    page = as_person(olga).get("/console/cluster/")
    assert page.status_code == 200 and 'role="alert"' in page.content.decode()


def test_a_monitor_reads_who_is_there_who_leads_and_how_far_copies_are_behind() -> None:
    gone = replace(TWO, is_there=False, is_well=False, busy=None, lag_bytes=4096)
    state = replace(
        STATE, nodes=(ONE, gone, RESERVE), problems=(ClusterProblem("away", "node-2"),), out_above=0.6,
        in_below=0.3,
    )  # fmt: skip
    lines = metrics.text(of_cluster(state)).splitlines()
    for line in (
        'korobka_node_up{node="node-1"} 1',
        'korobka_node_up{node="node-2"} 0',
        'korobka_node_busy_ratio{node="node-1"} 0.414',
        'korobka_database_leader{node="node-1"} 1',
        'korobka_database_leader{node="node-2"} 0',
        'korobka_database_lag_bytes{node="node-2"} 4096',
        "korobka_cluster_problems{} 1",
        'korobka_cluster_nodes{rest="awake"} 1',
        'korobka_cluster_nodes{rest="asleep"} 1',
        'korobka_scaling_threshold_ratio{way="out"} 0.6',
    ):
        assert line in lines
    assert 'korobka_node_busy_ratio{node="node-2"}' not in "\n".join(lines)
