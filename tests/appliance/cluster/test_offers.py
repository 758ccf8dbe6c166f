"""A release's archive goes from one node to another, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.cluster import https, offers
from appliance.cluster.topology import TopologyRefused
from appliance.paths import Paths

CONTENT = b"0123456789"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A node that asks itself, in pieces of four bytes."""
    paths = Paths(tmp_path)
    paths.releases.mkdir(parents=True)
    monkeypatch.setattr(offers, "PIECE_BYTES", 4)
    monkeypatch.setattr(offers, "client_context", lambda _: None)

    def fetch(address: str, _: int, path: str, **__: object) -> bytes:
        found = offers.piece(paths, path)
        if found is None:
            raise https.NodeRefused(404, f"{address} has nothing there.")
        return found

    monkeypatch.setattr(https, "fetch", fetch)
    return paths


def offered(paths: Paths, content: bytes = CONTENT) -> str:
    archive = paths.releases / "korobka.tar.gz"
    archive.write_bytes(content)
    return offers.offer(paths, archive)


@pytest.mark.parametrize("content", [b"", b"0123", b"01234567", CONTENT])
def test_what_arrives_is_what_was_offered(paths: Paths, tmp_path: Path, content: bytes) -> None:
    digest = offered(paths, content)
    assert digest == hashlib.sha256(content).hexdigest()
    offers.fetch(paths, "10.0.0.1", digest, tmp_path / "came", lambda _: None)
    assert (tmp_path / "came").read_bytes() == content


def test_another_archive_is_not_taken(paths: Paths, tmp_path: Path) -> None:
    digest = offered(paths)
    (lies,) = paths.releases.iterdir()
    lies.write_bytes(CONTENT[::-1])
    with pytest.raises(TopologyRefused, match="is not the one that was to be taken"):
        offers.fetch(paths, "10.0.0.1", digest, tmp_path / "came", lambda _: None)


def test_one_is_offered_until_it_is_withdrawn(paths: Paths) -> None:
    first, second = offered(paths), offered(paths, b"other")
    assert offers.piece(paths, f"/releases/{first}/0") is None
    assert offers.piece(paths, f"/releases/{second}/1") == b"r"
    assert offers.piece(paths, f"/releases/{second}/9") == b""
    offers.withdraw(paths)
    assert offers.piece(paths, f"/releases/{second}/0") is None
    assert not [*paths.releases.iterdir()]


@pytest.mark.parametrize("path", ["/releases/../../etc/shadow/0", "/releases/ab/0", "/releases/", "/"])
def test_nothing_else_lies_there(paths: Paths, path: str) -> None:
    offered(paths)
    assert offers.piece(paths, path) is None


def test_a_piece_has_a_number_that_is_bounded(paths: Paths) -> None:
    digest = offered(paths)
    assert offers.piece(paths, f"/releases/{digest}/9999") == b""
    for odd in ("-1", "99999", "1e3", ""):
        assert offers.piece(paths, f"/releases/{digest}/{odd}") is None
