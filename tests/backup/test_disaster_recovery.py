"""The box onto another machine (here: another folder), from the target and the recovery key alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance import config, folders, quarantine, scratch, service_files
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.database.service import SERVICE as DATABASE
from appliance.services.database.setup import set_up
from appliance.services.objects import setup as objects
from appliance.services.objects.service import SERVICE as OBJECTS
from appliance.services.web.service import SERVICE as WEB
from appliance.supervise.supervisord import Supervisord
from backup import disaster_recovery, recall, settings
from backup.keys import KeyRefused, RecoveryKey
from backup.portal import manage
from backup.settings import BackupRefused, Target
from tests.appliance.boxes import query
from tests.backup.conftest import Kept
from tests.backup.operating import (
    back_up,
    copy_what_is_new,
    hand_over,
    know_mail_server,
    perform,
    queue_hook,
    queue_letter,
    reaching_here,
    send_what_is_due,
    told,
)
from tests.box.ear import Ear, listening_ear
from tests.box.mailbox import Mailbox, mailbox
from tests.ports import hold_store


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """Folders of a box, and nothing else."""
    prefix = Path(tempfile.mkdtemp(prefix="korobka-"))
    prefix.chmod(0o755)
    monkeypatch.setenv("KOROBKA_PREFIX", str(prefix))
    paths = Paths(prefix)
    folders.prepare(paths)
    yield paths
    if paths.secrets_toml.exists():
        scratch.stop(Node.load(paths))
    shutil.rmtree(prefix)


def begin(paths: Paths, place: str, key: RecoveryKey) -> None:
    disaster_recovery.begin(
        paths, disaster_recovery.place(place), key, moment=None, version="0.1.0", say=lambda _: None
    )  # fmt: skip


@pytest.fixture
def _gone_directory(kept: Kept) -> Iterator[None]:
    """One that nobody answers for. It stays until the other box is back: that one reads all of the log that
    this one hands over meanwhile."""
    made = (
        "from box.bridges.directory.models import Connection;"
        "from box.bridges.directory.presets import preset;"
        "kind = Connection.Kind.OPENLDAP;"
        "Connection.objects.create(name='Gone', kind=kind, servers=['127.0.0.1:9'], bind_dn='cn=box',"
        " people_bases=['dc=corp'], mapping=preset(kind).mapping, is_confirmed=True, is_on=True)"
    )
    manage(kept.node, "shell", "--no-imports", "-c", made)
    yield
    query(kept.node, "delete from directory_connection where name = 'Gone'")


@pytest.fixture
def sink() -> Iterator[Mailbox]:
    with mailbox() as found:
        yield found


@pytest.fixture
def ear(kept: Kept) -> Iterator[Ear]:
    with listening_ear() as found, reaching_here(kept):
        yield found


@pytest.mark.usefixtures("_gone_directory")
def test_everything_comes_back_up_to_the_end_of_the_time_line_and_nothing_is_sent_twice(
    kept: Kept, machine: Paths, sink: Mailbox, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOROBKA_PREFIX", str(kept.node.paths.prefix))
    kept.add_blobs(3)
    know_mail_server(kept, sink.port)
    queue_letter(kept, "for one box")
    queue_hook(kept, ear, 11)
    back_up(kept, "full")
    after = kept.add_blobs(2)
    copy_what_is_new(kept)
    hand_over(kept)
    there, handed_over_at = kept.keys(), datetime.now(UTC)

    monkeypatch.setenv("KOROBKA_PREFIX", str(machine.prefix))
    begin(machine, str(kept.folder), RecoveryKey.parse(str(kept.key)))
    assert config.load_secrets(machine) == kept.node.secrets
    # Nobody comes into what is brought back before it is put into service.
    assert quarantine.is_on(machine)
    # The old box still runs beside it: another store needs other ports.
    text = machine.box_toml.read_text()
    machine.box_toml.write_text(config.set_value(text, "objects.port", hold_store(), from_console=False))
    node = Node.load(machine)
    service_files.apply(node, only=(DATABASE, OBJECTS, WEB))
    supervisor = Supervisord(node)
    supervisor.apply()
    disaster_recovery.recover_database(node, lambda _: None)
    assert disaster_recovery.is_database_back(node)
    supervisor.start("database", "objects")
    set_up(node)
    objects.set_up(node)
    monkeypatch.setattr(recall, "NEWEST", 1)
    said: list[str] = []
    back = disaster_recovery.recover_files(node, said.append)
    assert back.missing == 0
    # It opens with the newest file, and the service of backups brings the others.
    assert said == [f"1 brought back, {len(there) - 1} older ones follow"]
    new = Kept(node, kept.folder, kept.key)
    assert [new.stored(key) for key in after] == [None, kept.contents[after[1]]]
    recall.bring_rest(node, settings.load(machine))
    assert recall.noted(node) is None
    # Who has left since was to be asked of somebody who does not answer.
    assert [line for line in back.undone if "Gone" in line] == [*back.undone]
    assert len(back.undone) == 1
    assert back.at is not None
    assert timedelta(0) <= handed_over_at - back.at < timedelta(hours=1)
    assert not disaster_recovery.is_under_way(machine)
    assert not quarantine.is_on(machine)
    assert set(query(node, "select key from files_blob").split()) == there
    # What waited in the set is the other box's to send, which knows whether it has.
    send_what_is_due(new)
    assert (sink.letters, ear.heard) == ([], [])
    queue_hook(new, ear, 12)
    send_what_is_due(new)
    assert told(ear) == ["12"]
    monkeypatch.setenv("KOROBKA_PREFIX", str(kept.node.paths.prefix))
    send_what_is_due(kept)
    assert [letter["Subject"] for letter in sink.letters] == ["for one box"]
    assert told(ear) == ["12", "11"]
    assert {key: new.stored(key) for key in after} == {key: kept.contents[key] for key in after}


def test_a_wrong_key_an_empty_place_and_a_machine_with_a_box_are_refused(
    kept: Kept, machine: Paths, tmp_path: Path
) -> None:
    with pytest.raises(KeyRefused, match="does not open"):
        begin(machine, str(kept.folder), RecoveryKey.new())
    with pytest.raises(BackupRefused, match="There is no repository"):
        begin(machine, str(tmp_path), kept.key)
    with pytest.raises(BackupRefused, match="--restore-access-key"):
        disaster_recovery.place("https://s3.example.com/bucket")
    assert not machine.secrets_toml.exists()
    os.environ["KOROBKA_PREFIX"] = str(kept.node.paths.prefix)
    with pytest.raises(BackupRefused, match="a box on this machine already"):
        begin(kept.node.paths, str(kept.folder), kept.key)


def test_of_two_disks_the_one_that_hangs_elsewhere_takes_its_own_place(
    kept: Kept, second: Target, machine: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one may have burnt, or hang elsewhere too: the set knows which of them it was made on."""
    monkeypatch.setenv("KOROBKA_PREFIX", str(kept.node.paths.prefix))
    state = perform(kept, "backup", kind="full", targets=[second.name])
    assert state.state == "done", state.progress.text
    elsewhere = Path(tempfile.mkdtemp(prefix="korobka-elsewhere-"))
    elsewhere.chmod(0o755)
    shutil.move(Path(second.path) / second.repository, elsewhere)
    try:
        monkeypatch.setenv("KOROBKA_PREFIX", str(machine.prefix))
        begin(machine, str(elsewhere), RecoveryKey.parse(str(kept.key)))
        found = {one.name: (one.number, one.path) for one in settings.load(machine).targets}
        before = {one.name: (one.number, one.path) for one in kept.settings.targets}
        assert found == before | {second.name: (second.number, str(elsewhere))}
    finally:
        monkeypatch.setenv("KOROBKA_PREFIX", str(kept.node.paths.prefix))
        shutil.move(elsewhere / second.repository, second.path)
        elsewhere.rmdir()
