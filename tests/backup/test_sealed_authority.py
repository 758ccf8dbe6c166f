"""A set holds the authority's key sealed, and what opens it is in none."""

from __future__ import annotations

import io
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance import certificates
from appliance.files import write_atomically
from appliance.paths import Paths
from backup import configuration, sealed_authority
from backup.keys import KeyRefused, RecoveryKey
from installer.steps import recovery

HOST = "portal.example.com"


def machine(folder: Path) -> Paths:
    paths = Paths(folder)
    paths.tls.mkdir(parents=True)
    return paths


@pytest.fixture
def box(tmp_path: Path) -> Paths:
    """A box with an authority and secrets."""
    paths = machine(tmp_path / "box")
    certificates.ensure(paths, HOST)
    write_atomically(paths.secrets_toml, 'database_password = "a secret"\n', mode=0o600)
    return paths


@pytest.fixture
def packed(box: Paths, tmp_path: Path) -> Path:
    file = tmp_path / "configuration.tar.gz"
    file.write_bytes(configuration.pack(box))
    return file


@pytest.fixture
def other(tmp_path: Path) -> Paths:
    """An empty machine."""
    return machine(tmp_path / "other")


def members(packed: Path) -> dict[str, bytes]:
    with tarfile.open(packed) as tar:
        return {one.name: (tar.extractfile(one) or io.BytesIO()).read() for one in tar if one.isfile()}


def unpack(packed: Path, paths: Paths, key: RecoveryKey | None = None) -> None:
    with packed.open("rb") as file:
        configuration.put(configuration.read(file), paths, key)


def opened(paths: Paths, key: RecoveryKey) -> bytes:
    """The authority's key, out of a set of this box."""
    held = configuration.read(io.BytesIO(configuration.pack(paths)))
    return sealed_authority.opened(held.files[sealed_authority.SEALED].content, key)


def test_a_set_holds_neither_the_authoritys_key_nor_what_opens_it(box: Paths, packed: Path) -> None:
    key = (box.tls / "ca.key").read_bytes()
    inside = members(packed)
    assert {"secrets.toml", "tls/ca.crt", "tls/portal.pem", sealed_authority.SEALED} == set(inside)
    assert not any(key in text or key.splitlines()[1] in text for text in inside.values())
    printed = str(sealed_authority.root_key(box))
    assert not any(printed.encode() in text for text in inside.values())
    assert sealed_authority.file_of(box).stat().st_mode & 0o777 == 0o600


def test_what_is_being_written_is_in_no_set(box: Paths) -> None:
    """The root key among it: it is written beside, and then named."""
    (box.etc / ".root.key.abc").write_text(str(sealed_authority.root_key(box)))
    with tarfile.open(fileobj=io.BytesIO(configuration.pack(box))) as tar:
        assert not any(name.rpartition("/")[2].startswith(".") for name in tar.getnames())


def test_nothing_of_a_cluster_is_in_a_set(box: Paths) -> None:
    """What comes back is a single box, and the authority's key of its nodes is nobody else's."""
    (box.etc / "cluster").mkdir()
    (box.etc / "cluster/node.key").write_text("secret")
    with tarfile.open(fileobj=io.BytesIO(configuration.pack(box))) as tar:
        assert not any(name.startswith("cluster") for name in tar.getnames())


def test_with_the_root_key_the_same_authority_goes_on(box: Paths, packed: Path, other: Paths) -> None:
    key = RecoveryKey.parse(str(sealed_authority.root_key(box)))
    unpack(packed, other, key)
    assert (other.tls / "ca.key").read_bytes() == (box.tls / "ca.key").read_bytes()
    assert (other.tls / "ca.key").stat().st_mode & 0o777 == 0o600
    assert not (other.etc / sealed_authority.SEALED).exists()
    assert sealed_authority.root_key(other).value == key.value, "the paper stays good"
    assert certificates.ensure(other, HOST, now=datetime.now(UTC) + timedelta(days=380))
    assert (other.tls / "ca.crt").read_bytes() == (box.tls / "ca.crt").read_bytes()


def test_without_it_the_box_comes_back_and_has_a_new_authority_in_time(
    box: Paths, packed: Path, other: Paths
) -> None:
    unpack(packed, other)
    assert sealed_authority.is_missing(other)
    assert not certificates.ensure(other, HOST), "browsers trust it as before"
    assert (other.tls / "portal.pem").read_bytes() == (box.tls / "portal.pem").read_bytes()
    # Its own sets hold the sealed one on: the paper may be found yet.
    assert opened(other, sealed_authority.root_key(box)) == (box.tls / "ca.key").read_bytes()
    assert certificates.ensure(other, HOST, now=datetime.now(UTC) + timedelta(days=380))
    assert (other.tls / "ca.crt").read_bytes() != (box.tls / "ca.crt").read_bytes()
    assert not sealed_authority.is_missing(other)
    # It is read as one that is there once.
    assert opened(other, sealed_authority.root_key(other)) == (other.tls / "ca.key").read_bytes()


def test_it_can_be_given_later(box: Paths, packed: Path, other: Paths) -> None:
    unpack(packed, other)
    with pytest.raises(KeyRefused, match="not the one of this box"):
        sealed_authority.put_back(other, RecoveryKey.new())
    assert sealed_authority.is_missing(other)
    sealed_authority.put_back(other, sealed_authority.root_key(box))
    assert (other.tls / "ca.key").read_bytes() == (box.tls / "ca.key").read_bytes()
    with pytest.raises(KeyRefused, match="nothing to open"):
        sealed_authority.put_back(other, sealed_authority.root_key(box))


def test_a_wrong_root_key_is_refused_before_anything_is_put_there(packed: Path, other: Paths) -> None:
    with pytest.raises(KeyRefused, match="not the one of this box"):
        unpack(packed, other, RecoveryKey.new())
    assert sorted(other.etc.rglob("*")) == [other.tls]


def test_a_set_of_before_still_brings_its_authority(box: Paths, other: Paths, tmp_path: Path) -> None:
    old = tmp_path / "old.tar.gz"
    with tarfile.open(old, "w:gz") as tar:
        tar.add(box.tls, arcname="tls")
    unpack(old, other, RecoveryKey.new())
    assert (other.tls / "ca.key").read_bytes() == (box.tls / "ca.key").read_bytes()


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"salt": "zz", "sealed": ""}', b'{"salt": "00"}', b"\xff"]
)
def test_a_damaged_seal_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(KeyRefused, match="damaged"):
        sealed_authority.opened(text, RecoveryKey.new())


def test_of_two_who_make_the_root_key_at_once_both_get_the_same(box: Paths) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(sealed_authority.root_key(box).value)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert list(box.etc.glob(".root.key.[!l]*")) == []


def test_a_company_with_a_certificate_of_its_own_has_nothing_to_seal(tmp_path: Path) -> None:
    paths = machine(tmp_path / "box")
    assert sealed_authority.sealed(paths) is None
    assert not sealed_authority.file_of(paths).exists()


def test_restoring_asks_for_the_root_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOROBKA_RECOVERY_KEY", "given")
    monkeypatch.delenv("KOROBKA_ROOT_KEY", raising=False)
    assert recovery._root_key() is None
    key = RecoveryKey.new()
    monkeypatch.setenv("KOROBKA_ROOT_KEY", str(key).lower())
    found = recovery._root_key()
    assert found is not None and found.value == key.value
    monkeypatch.setenv("KOROBKA_ROOT_KEY", str(key)[:-1])
    with pytest.raises(KeyRefused):
        recovery._root_key()
