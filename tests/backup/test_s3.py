"""A second target in an S3 store with TLS and an authority of its own, beside the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance import certificates
from appliance.backup_file import file_of
from appliance.node import Node
from appliance.paths import Paths
from backup import (
    disaster_recovery,
    object_lock,
    packs,
    pgbackrest,
    sets,
    settings,
    setup,
    status,
    store_authorities,
)
from backup.ledger import ledger_of
from backup.pack_format import FEWEST, SMALL
from backup.rclone import Vault
from backup.settings import BackupRefused, Target
from tests.appliance.boxes import query
from tests.appliance.test_external import BUCKET, KEYS, Store, folder, store  # noqa: F401 - fixtures
from tests.backup.conftest import Kept
from tests.backup.operating import hand_over, perform, restore, unplugged
from tests.backup.proxy import Proxy, running_proxy


def target_in(kept: Kept, store: Store, secret: str = KEYS["objects_secret_key"]) -> Target:  # noqa: F811
    return Target(
        kept.free_number, "offsite", "s3", "our/box", store.endpoint, BUCKET, "us-east-1",
        KEYS["objects_access_key"], secret, store.ca_file.read_text(encoding="ascii"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def offsite(kept: Kept, store: Store) -> Iterator[Target]:  # noqa: F811
    target = target_in(kept, store)
    setup.add_target(kept.node, kept.settings, target, lambda _: None)
    yield target
    # Before the store goes: the database would wait for it at its end.
    setup.remove_target(kept.node, kept.settings, target.name, lambda _: None)


def test_a_wrong_key_is_refused_and_nothing_is_changed(kept: Kept, store: Store) -> None:  # noqa: F811
    before = kept.settings
    with pytest.raises(BackupRefused, match="cannot be written to"):
        setup.add_target(kept.node, before, target_in(kept, store, "wrong"), lambda _: None)
    assert kept.settings == before


def test_a_set_is_made_in_both_verified_and_restored_from_either(kept: Kept, offsite: Target) -> None:
    # As many as go into a pack, and one that does not.
    keys = kept.add_blobs(FEWEST) + kept.add_blobs(1, size=SMALL)
    state = perform(kept, "backup", kind="incr", targets=["disk", "offsite"])
    assert state.state == "done", state.progress.text
    first, *_, made = (*sets.known(kept.node, offsite)[:1], *sets.known(kept.node, offsite))
    # There was none that others could build on, although the other target has some.
    assert first.kind == "full"
    vault = Vault(kept.node, kept.settings, offsite)
    with ledger_of(kept.node, offsite) as ledger:
        assert packs.sizes(vault, ledger, keys).keys() == {*keys}
        assert packs.hashes(vault, ledger, keys).keys() == {*keys}
    assert vault.sizes(keys).keys() == {keys[-1]}
    assert perform(kept, "verify", target="offsite", all=True).state == "done"
    there = kept.keys()
    kept.lose(keys[0])
    query(kept.node, f"delete from files_blob where key = '{keys[0]}'")
    state = restore(kept, target="offsite", set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert kept.keys() == there
    assert kept.stored(keys[0]) == kept.contents[keys[0]]


def test_with_the_authority_of_the_store_a_box_comes_onto_an_empty_machine(
    kept: Kept, offsite: Target, empty_machine: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform(kept, "backup", kind="incr", targets=["offsite"])
    place = disaster_recovery.place(
        f"{offsite.endpoint}/{offsite.bucket}/{offsite.path}",
        access_key=offsite.access_key, secret_key=offsite.secret_key, ca_pem=offsite.ca_pem,
    )  # fmt: skip
    monkeypatch.setenv("KOROBKA_PREFIX", str(empty_machine.prefix))

    def begin(target: Target) -> None:
        disaster_recovery.begin(
            empty_machine, target, kept.key, moment=None, version="0.1.0", say=lambda _: None
        )  # fmt: skip

    with pytest.raises(BackupRefused, match="cannot be read"):
        begin(replace(place, ca_pem=""))
    begin(place)
    there = Node.load(empty_machine)
    (used,) = [one for one in settings.load(empty_machine).targets if one.kind == "s3"]
    assert used.ca_pem == offsite.ca_pem
    pgbackrest.write_config(there, settings.load(empty_machine))
    assert pgbackrest.stored(there, used)


def test_a_file_that_was_moved_costs_no_other_target_anything(
    kept: Kept, offsite: Target, tmp_path: Path
) -> None:
    """As boxes have noted it before the certificates were kept."""
    assert perform(kept, "backup", kind="incr", targets=["disk"]).state == "done"
    made = sets.known(kept.node, kept.settings.target("disk"))[-1]
    file = file_of(kept.node.paths)
    before = file.read_text(encoding="utf-8")
    said = json.loads(before)
    named = tmp_path / "ca.pem"
    authority = certificates.create_authority("store.example.com").certificate
    pem = certificates.certificate_pem(authority).decode()
    named.write_text(pem, encoding="ascii")
    assert said["targets"][-1]["name"] == offsite.name
    for number, path in enumerate((named, tmp_path / "moved.pem"), 20):
        old = {**said["targets"][-1], "number": number, "name": f"old-{number}", "ca_file": str(path)}
        old.pop("ca_pem", None)
        said["targets"].append(old)
    file.write_text(json.dumps(said), encoding="utf-8")
    try:
        chosen = kept.settings
        pgbackrest.write_config(kept.node, chosen)
        assert [one.ca_pem for one in chosen.targets[-2:]] == [pem, ""]
        written = store_authorities.file_of(kept.node, chosen.target("old-20"))
        assert written is not None
        assert written.read_text(encoding="ascii") == pem
        state = restore(kept, target="disk", set=made.label, is_set_alone=True)
        assert state.state == "done", state.progress.text
        for gone in ("old-21", "old-20"):
            left = setup.dismiss(kept.node, kept.settings, gone)
            assert gone not in {one.name for one in left.targets}
            pgbackrest.write_config(kept.node, kept.settings)
    finally:
        file.write_text(before, encoding="utf-8")
        pgbackrest.write_config(kept.node, kept.settings)
    assert not list(kept.node.paths.backup.glob("ca-2?.pem"))


@pytest.mark.parametrize(
    "words", ["nonsense", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----", " "]
)
def test_what_is_no_certificate_is_refused_before_anything_is_tried(tmp_path: Path, words: str) -> None:
    file = tmp_path / "ca.pem"
    with pytest.raises(BackupRefused, match="cannot be read"):
        store_authorities.read(file)
    file.write_text(words, encoding="ascii")
    with pytest.raises(BackupRefused, match=r"PEM|BEGIN CERTIFICATE"):
        store_authorities.read(file)


@pytest.fixture
def plain_authority(store: Store, tmp_path: Path) -> Iterator[tuple[Proxy, str]]:  # noqa: F811
    """The store behind a certificate of an authority that says nothing of what its key is for."""
    now, pems = datetime.now(UTC), list[bytes]()
    key, issuer = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=Our own")
    mine = ec.generate_private_key(ec.SECP256R1())
    for subject, public, extension in (
        (issuer, key.public_key(), x509.BasicConstraints(ca=True, path_length=None)),
        (
            x509.Name.from_rfc4514_string("CN=localhost"),
            mine.public_key(),
            x509.SubjectAlternativeName([x509.DNSName("localhost")]),
        ),
    ):
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=True).sign(key, hashes.SHA256())
        )  # fmt: skip
        pems.append(made.public_bytes(serialization.Encoding.PEM))
    file = tmp_path / "proxy.pem"
    file.write_bytes(
        pems[1]
        + mine.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with running_proxy(int(store.endpoint.rpartition(":")[2]), file) as proxy:
        yield proxy, pems[0].decode()


def test_an_authority_that_says_nothing_of_its_key_is_believed(
    kept: Kept,
    offsite: Target,
    plain_authority: tuple[Proxy, str],
) -> None:
    proxy, pem = plain_authority
    behind = replace(offsite, number=30, endpoint=f"https://localhost:{proxy.port}", ca_pem=pem)
    store_authorities.write(kept.node, (*kept.settings.targets, behind))
    assert object_lock.of(kept.node, behind).days == 0
    store_authorities.write(kept.node, (*kept.settings.targets, replace(behind, ca_pem=offsite.ca_pem)))
    with pytest.raises(BackupRefused, match="does not say whether it locks") as refused:
        object_lock.of(kept.node, behind)
    assert "Traceback" not in str(refused.value)
    store_authorities.write(kept.node, kept.settings.targets)


def test_one_dead_target_keeps_neither_sets_nor_log_from_the_other(kept: Kept, offsite: Target) -> None:
    before = len(sets.known(kept.node, offsite))
    with unplugged(kept):
        state = perform(kept, "backup", kind="incr", targets=["disk", "offsite"])
        assert state.state == "failed"
        assert state.progress.text.startswith("disk:")
        assert len(sets.known(kept.node, offsite)) == before + 1
        assert perform(kept, "verify", target="offsite").state == "done"
        disk, other = status.look(kept.node, kept.settings, datetime.now(UTC))
        assert (bool(disk.problems), [line for line in other.problems if "key" not in line]) == (True, [])
    assert perform(kept, "backup", kind="incr", targets=["disk"]).state == "done"
    hand_over(kept)
