"""Whom a node tells of its new certificate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from appliance import folders, scratch, service_files
from appliance.cluster import identity, member, topology
from appliance.cluster.topology import Member, Membership, Role, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from tests.appliance.boxes import open_to_everybody

ONE = Member("node-1", "127.88.79.1", (Role.PORTAL, Role.FILES, Role.DATABASE))
MINE = ("etcd", "database", "router", "balancer")


@dataclass
class Told:
    """Who was told; the first time it is ended at a step."""

    services: list[tuple[str, ...]] = field(default_factory=list)
    ended_at: str = ""

    def reload(self, *names: str) -> None:
        self._step("reload")
        self.services.append(names)

    def load_certificate(self) -> None:
        """As a door does."""

    def apply(self, node: Node, **only: object) -> None:
        self._step("apply")
        _apply(node, **only)  # type: ignore[arg-type]

    def _step(self, step: str) -> None:
        if self.ended_at == step:
            self.ended_at = ""
            raise TimeoutError


_apply = service_files.apply


@pytest.fixture
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A node whose services have a certificate that is to be renewed."""
    folder = tmp_path_factory.mktemp("node")
    open_to_everybody(folder)
    paths = scratch.create(folder).paths
    begun = datetime.now(UTC) - identity.NODE_LIFE + identity.RENEW_BEFORE
    identity.found(paths, name=ONE.name, address=ONE.address, now=begun)
    topology.store(paths, Membership(ONE.name, Topology((ONE,)), ()))
    folders.prepare(paths)
    service_files.apply(Node.load(paths), only=tuple(named(name) for name in MINE))
    return paths


@pytest.mark.parametrize("ended_at", ["", "apply", "reload"])
def test_services_are_told_of_a_new_certificate_once_wherever_that_was_cut_short(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, ended_at: str
) -> None:
    told = Told(ended_at=ended_at)
    monkeypatch.setattr(member, "supervisor_for", lambda _: told)
    monkeypatch.setattr(service_files, "apply", told.apply)
    before = (topology.folder(paths) / identity.NODES.certificate).read_bytes()
    if ended_at:
        with pytest.raises(TimeoutError):
            member.renew(paths, told)  # type: ignore[arg-type]
        assert told.services == []
    for _ in range(2):
        member.renew(paths, told)  # type: ignore[arg-type]
        assert told.services == [("database", "router", "balancer")]
    shown = (topology.folder(paths) / identity.NODES.certificate).read_bytes()
    assert shown != before
    for service in MINE:
        found = [
            file.read_bytes() for file in Node.load(paths).generated(service).iterdir() if file.is_file()
        ]
        assert not any(before in text for text in found)
