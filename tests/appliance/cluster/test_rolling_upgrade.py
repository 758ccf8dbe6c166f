"""Three installed boxes move over to another release, one after the other, while people write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer import release
from tests.system.versions import Versions, archive_of_checkout

from .nodes import Company, InstalledNode, require_engines
from .office import Office, people_at_work

BROKEN = "broken-on-purpose"


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(archive_of_checkout(), tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def office(rows: list[str], versions: Versions) -> Iterator[Office]:
    require_engines()
    with Company(kind=InstalledNode) as company:
        tree = release.unpack(versions.archive, company.folder / "first").tree
        for node in company.nodes:
            node.install_from(tree, trusts=versions.signers)
        one, *others = company.nodes
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in others:
            node.join(one)
        office = Office(company, rows)
        with people_at_work(office):
            yield office


def releases(office: Office) -> set[str]:
    return {node.release for node in office.nodes if isinstance(node, InstalledNode)}


def running(office: Office) -> Path:
    return office.nodes[0].prefix / "opt/korobka/current"


def upgrade(office: Office, archive: Path) -> subprocess.CompletedProcess[str]:
    return office.nodes[0].cluster("upgrade", str(archive), "--yes", "--no-backup", check=False)


def test_all_nodes_move_over(office: Office, versions: Versions) -> None:
    def move() -> None:
        done = upgrade(office, versions.next(running(office)))
        assert done.returncode == 0, done.stdout + done.stderr

    office.happens("`boxctl cluster upgrade` of three nodes", move)
    (found,) = releases(office)
    assert found.startswith("9.1.")
    assert not sum(one.reads.failed for one in office.colleagues)


def test_where_one_node_cannot_all_go_back(office: Office, versions: Versions) -> None:
    """The last one, so that the others run the new release by then."""
    before = releases(office)
    (office.leader.prefix / "etc/korobka" / BROKEN).touch()

    def fails_there(tree: Path) -> None:
        check = tree / "installer/steps/final.py"
        found = "    if found:\n"
        text = check.read_text()
        assert found in text
        broken = f"    if found or (host.paths.etc / {BROKEN!r}).exists():\n"
        check.write_text(text.replace(found, broken))

    def move() -> None:
        done = upgrade(office, versions.next(running(office), fails_there))
        assert done.returncode == 1
        assert "Each node runs the release that it ran before." in done.stderr + done.stdout

    office.happens("`boxctl cluster upgrade`, and a node cannot follow", move)
    assert releases(office) == before
    assert not any(node["is_drained"] for node in office.nodes[0].status()["nodes"])
