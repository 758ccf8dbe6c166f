"""Another unit: who is restarted for it, who is started and who ends, also where it was cut short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from appliance import config, scratch, service_files
from appliance.agent.journal import Journal
from appliance.agent.operations import apply as apply_operation
from appliance.agent.operations.apply import apply, decide
from appliance.config import Value
from appliance.node import Node
from appliance.services import enabled
from appliance.supervise import systemd
from appliance.supervise.base import instances
from appliance.supervise.systemd import Systemd
from tests.appliance.boxes import open_to_everybody
from tests.appliance.units import TARGET, Killed, Systemctl, stand_in


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    folder = tmp_path / "units"
    folder.mkdir()
    return stand_in(monkeypatch, folder)


def changed(node: Node, values: Mapping[str, Value]) -> Node:
    """The same machine by a box.toml with these values in it."""
    text = node.paths.box_toml.read_text(encoding="utf-8")
    return replace(node, box=config.parse(config.set_values(text, values, from_console=False)))


CHANGES: list[tuple[dict[str, Value], tuple[str, ...]]] = [
    ({}, ()),
    ({"web.threads": 4}, ("web@1", "web@2")),
    ({"cache.memory_mb": 128}, ("cache",)),
    ({"objects.memory_mb": 1024}, ("objects",)),
    ({"database.memory_mb": 4321}, ("database",)),
    # Others come after the web workers and the bridge at boot, and say so in their units.
    ({"node.web_workers": 4}, ("web@3", "web@4")),
    ({"node.web_workers": 1}, ("web@2",)),
    ({"telephony.enabled": True}, ("telephony",)),
]


@pytest.mark.parametrize(("values", "names"), CHANGES, ids=str)
def test_a_changed_key_concerns_the_instances_of_its_unit_and_nobody_else(
    box: Node, systemctl: Systemctl, values: dict[str, Value], names: tuple[str, ...]
) -> None:
    Systemd(box).apply()
    supervisor = Systemd(changed(box, values))
    assert supervisor.pending() == names
    assert supervisor.is_applied() == (not names)
    assert supervisor.apply() == names
    assert (supervisor.pending(), supervisor.is_applied()) == ((), True)
    # And back again: those that came are those that leave.
    assert Systemd(box).pending() == names


@pytest.mark.usefixtures("systemctl")
def test_another_unit_restarts_its_instances_and_nobody_leaves(box: Node) -> None:
    Systemd(box).apply()
    node = changed(box, {"web.threads": 4})
    everybody = {service.name for service in enabled(node)}
    plan = decide(node, wanted=everybody, files=(), units=Systemd(node).pending())
    assert (plan.restarted, plan.leaving) == (("web@1", "web@2"), ())


def test_what_concerns_the_boot_alone_is_written_and_restarts_nobody(box: Node, systemctl: Systemctl) -> None:
    supervisor = Systemd(box)
    supervisor.apply()
    balancer = systemctl.units / "korobka-balancer.service"

    def is_mended() -> bool:
        before = (supervisor.pending(), supervisor.is_applied())
        return before == ((), False) and supervisor.apply() == () and supervisor.is_applied()

    (systemctl.units / TARGET).write_text("[Unit]\n")
    assert is_mended()
    (systemctl.units / "multi-user.target.wants" / TARGET).unlink()
    assert is_mended()
    balancer.write_text(balancer.read_text().replace("korobka-web@2.service", ""))
    assert is_mended()
    # Written by somebody who was killed before systemd was told.
    balancer.write_text(balancer.read_text().replace("After=", "After=dbus.service "))
    systemctl("daemon-reload")
    systemctl.killed_after = len(systemctl.told)
    with pytest.raises(Killed):
        supervisor.apply()
    systemctl.killed_after = None
    assert is_mended()


@pytest.fixture
def under_systemd(tmp_path: Path, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch) -> UnderSystemd:
    """A box of its own, whose services are told nothing but by systemctl."""
    open_to_everybody(tmp_path)
    node = scratch.create(tmp_path / "box")
    service_files.apply(node)
    monkeypatch.setattr(apply_operation, "supervisor_for", Systemd)
    monkeypatch.setattr(Systemd, "reload", lambda *_, **__: None)
    return UnderSystemd(node, systemctl)


class UnderSystemd:
    """A box whose services run by its units, and what a change makes of them."""

    def __init__(self, node: Node, systemctl: Systemctl) -> None:
        self.node, self.systemctl = node, systemctl
        self.before(node)

    def before(self, node: Node) -> None:
        """All runs by this node's units."""
        Systemd(node).apply()
        names = [systemd.unit_of(one) for one in instances(node)]
        self.systemctl("restart", *names)
        self.systemctl.running = {name: self.systemctl.running[name] for name in names}

    def change(self, values: Mapping[str, Value], journal: Journal) -> str:
        return apply(changed(self.node, values), journal, before=self.node)

    def journal(self) -> Journal:
        arguments = {"values": {}, "from_console": False}
        return Journal.begin(self.node.paths.operations, "apply", arguments, by="anna")

    def assert_in_force(self, values: Mapping[str, Value]) -> None:
        """Those run that shall, each by its unit as it is, and no other one; and so it is after a boot."""
        node = changed(self.node, values)
        wanted = {systemd.unit_of(one): systemd._file_of(one.service) for one in instances(node)}
        assert {name: systemd._for_process(text) for name, text in self.systemctl.running.items()} == {
            name: systemd._for_process(systemd.units(node)[file]) for name, file in wanted.items()
        }
        assert Systemd(node).is_applied()


def test_a_key_restarts_whom_it_concerns_starts_who_is_new_and_ends_who_leaves(
    under_systemd: UnderSystemd,
) -> None:
    values: dict[str, Value] = {"cache.memory_mb": 128, "node.web_workers": 3, "telephony.enabled": True}
    systemctl = under_systemd.systemctl
    systemctl.told.clear()
    said = under_systemd.change(values, under_systemd.journal())
    under_systemd.assert_in_force(values)
    restarted = ["korobka-cache.service", "korobka-web@3.service", "korobka-telephony.service"]
    assert systemctl.told_to("restart") == restarted
    assert said.startswith("In force: cache, web@3, telephony, ")
    assert "left" not in said

    systemctl.told.clear()
    under_systemd.node = changed(under_systemd.node, values)
    said = under_systemd.change({}, under_systemd.journal())
    under_systemd.assert_in_force({})
    assert systemctl.told_to("restart") == ["korobka-cache.service"]
    assert said.endswith("telephony left, web@3 left.")


CUT_SHORT: list[dict[str, Value]] = [
    {"cache.memory_mb": 128},
    {"cache.memory_mb": 128, "node.web_workers": 1, "telephony.enabled": True},
]


@pytest.mark.parametrize("values", CUT_SHORT, ids=str)
def test_a_change_killed_anywhere_is_brought_to_its_end_by_the_next_attempt(
    under_systemd: UnderSystemd, values: dict[str, Value]
) -> None:
    systemctl = under_systemd.systemctl
    for moment in count():
        under_systemd.before(under_systemd.node)
        journal = under_systemd.journal()
        systemctl.killed_after = len(systemctl.told) + moment
        try:
            under_systemd.change(values, journal)
            break
        except Killed:
            systemctl.killed_after = None
        under_systemd.change(values, journal)
        under_systemd.assert_in_force(values)
    assert moment >= 3


def test_who_was_stopped_stays_so_and_is_started_with_its_new_unit(under_systemd: UnderSystemd) -> None:
    values: dict[str, Value] = {"cache.memory_mb": 128}
    systemctl = under_systemd.systemctl
    systemctl("stop", "korobka-cache.service")
    systemctl.told.clear()
    assert under_systemd.change(values, under_systemd.journal()) == "Nothing to do: it is in force already."
    assert systemctl.told_to("restart") == []
    systemctl("start", "korobka-cache.service")
    under_systemd.assert_in_force(values)


def test_who_leaves_is_ended_also_where_it_does_not_start_at_boot(under_systemd: UnderSystemd) -> None:
    values: dict[str, Value] = {"telephony.enabled": True}
    under_systemd.before(changed(under_systemd.node, values))
    under_systemd.systemctl("disable", "korobka-telephony.service")
    assert under_systemd.change({}, under_systemd.journal()) == "In force: telephony left."
    under_systemd.assert_in_force({})
